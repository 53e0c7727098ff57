"""Terraform for Clarifai auto-annotation apps: manifests in, ordered API operations out."""

__version__ = "0.1.0"
