-- How the servers of metadata documents name their versions, so that what is unchanged is not sent again. A row without a body is of a
-- document that could not be fetched yet.
ALTER TABLE oauth2_client_documents ADD COLUMN etag text;
