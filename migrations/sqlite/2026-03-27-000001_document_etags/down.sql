DELETE FROM oauth2_client_documents WHERE body = '';
ALTER TABLE oauth2_client_documents DROP COLUMN etag;
