DROP TABLE oauth2_client_documents;
