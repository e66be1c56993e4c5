"""Shared by all routes: request context, middleware, schemas, problems, OpenAPI."""
