// This script lies in docs/, below the path of the access URL.
const document_url = new URL("../api/v2/openapi.json", document.currentScript.src).href;
SwaggerUIBundle({ url: document_url, dom_id: "#viewer", deepLinking: true, docExpansion: "none", defaultModelsExpandDepth: 0, validatorUrl: null });
