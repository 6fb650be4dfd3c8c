"""The HTTP and websocket face of the service."""
