"""Makers' cameras and controllers, simulated: what they send, how they read an answer, what they do then.

They are written from what is known of the devices, not from what our side understands: nothing here imports
``gateways.gates``. Each maker is a pure codec (``vzenith.py`` …), around which a camera behaves as cameras do
(``camera.py``): it sends again until it hears the exact word, turns to its backup server, keeps what nobody
took, and moves its barrier.
"""
