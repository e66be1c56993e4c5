"""What all routes share: request context, middleware, schemas, problems, OpenAPI."""
