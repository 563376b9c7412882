"""The compose service's container: start it, watch it, read its log, stop it, through the Docker daemon."""
