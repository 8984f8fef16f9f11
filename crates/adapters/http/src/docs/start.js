SwaggerUIBundle({ url: "/api/v2/openapi.json", dom_id: "#viewer", deepLinking: true, validatorUrl: null });
