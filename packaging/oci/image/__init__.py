"""The parts of packaging/oci/build-image."""
