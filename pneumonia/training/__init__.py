"""The other side of the wall: everything that needs Keras. Serving never imports it."""
