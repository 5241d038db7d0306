"""The native gate protocol: JSON over HTTP."""
