-- When the youngest event that the archive knows was received.
SELECT max(received_at) AS received_at FROM gate_event
