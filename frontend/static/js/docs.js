// Shows the API with the Swagger UI that comes with the service.
const place = document.getElementById("swagger");
window.SwaggerUIBundle({ domNode: place, url: place.dataset.url, validatorUrl: null, docExpansion: "list" });
