//! Files.

use crate::house::{Answer, House, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use doorward_domain::files::FILE_MAX;
use serde_json::Value;
use std::io::{Cursor, Read as _, Write as _};

/// A tar archive of these files.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    pub(crate) async fn upload(&self, token: &str, kind: &str, bytes: Vec<u8>) -> Answer {
        let request = TestRequest::post()
            .uri("/api/v2/files")
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Coder-Session-Token", token))
            .insert_header(("Content-Type", kind))
            .set_payload(bytes);
        self.send(request).await
    }

    /// Uploads a tar archive; its id.
    pub(crate) async fn file(&self, token: &str, bytes: Vec<u8>) -> Value {
        let answer = self.upload(token, "application/x-tar", bytes).await;
        assert!(answer.status.is_success(), "{}", answer.body);
        answer.json()["hash"].clone()
    }

    async fn download(&self, token: &str, id: &Value, query: &str) -> (StatusCode, String, Vec<u8>) {
        let request = TestRequest::with_uri(&format!("/api/v2/files/{}{query}", id.as_str().unwrap()))
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Coder-Session-Token", token));
        let (status, headers, bytes) = self.bytes(request).await;
        (status, headers.get("content-type").unwrap().to_str().unwrap().to_owned(), bytes)
    }
}

#[actix_web::test]
async fn a_file_is_uploaded_once_and_read_by_its_owner() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let bytes = tar(&[("main.tf", &"resource ".repeat(300_000))]);
    let first = house.upload(&bob, "application/x-tar", bytes.clone()).await.expect(201).json();
    let again = house.upload(&bob, "application/x-tar; charset=binary", bytes.clone()).await.expect(200).json();
    assert_eq!(first, again);
    let (status, kind, read) = house.download(&bob, &first["hash"], "").await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "application/x-tar"));
    assert!(read == bytes);
    assert_ne!(house.file(&cy, bytes.clone()).await, first["hash"], "those of others are others");
    assert_eq!(house.download(&cy, &first["hash"], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.download(&owner, &first["hash"], "").await.0, StatusCode::OK);
    assert_eq!(house.download("", &first["hash"], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(house.download(&bob, &first["hash"], "?format=rar").await.0, StatusCode::BAD_REQUEST);
    house.get("/files/x", &bob).await.expect(400);
}

#[actix_web::test]
async fn what_is_not_taken_is_refused_before_it_is_kept() {
    let house = house().await;
    let owner = house.owner().await;
    for kind in ["", "text/plain", "application/gzip"] {
        house.upload(&owner, kind, b"x".to_vec()).await.expect(400);
    }
    let request = || {
        TestRequest::post()
            .uri("/api/v2/files")
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Coder-Session-Token", owner.clone()))
            .insert_header(("Content-Type", "application/x-tar"))
    };
    let announced = request().insert_header(("Content-Length", (FILE_MAX + 1).to_string()));
    let refused = house.send(announced).await.expect(413).json();
    assert!(refused["detail"].as_str().unwrap().contains("104857600"), "{refused}");
    house.send(request().insert_header(("Content-Encoding", "gzip"))).await.expect(415);
    house.upload("", "application/x-tar", b"x".to_vec()).await.expect(401);
    assert_eq!(
        house.upload(&owner, "application/x-tar", Vec::new()).await.expect(201).json()["hash"].as_str().unwrap().len(),
        36
    );
}

#[actix_web::test]
async fn a_zip_archive_becomes_a_tar_archive_and_back() {
    let house = house().await;
    let owner = house.owner().await;
    let files = [("main.tf", "resource"), ("modules/a.tf", "module")];
    let made = house.upload(&owner, "application/zip", zip(&files)).await.expect(201).json();
    let (_, _, bytes) = house.download(&owner, &made["hash"], "").await;
    let mut found = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (mut text, name) = (String::new(), entry.path().unwrap().display().to_string());
        entry.read_to_string(&mut text).unwrap();
        found.push((name, text));
    }
    assert_eq!(found, files.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let (status, kind, bytes) = house.download(&owner, &made["hash"], "?format=zip").await;
    assert_eq!((status.as_u16(), kind.as_str()), (200, "application/zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive.by_name("modules/a.tf").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((archive.len(), text.as_str()), (2, "module"));

    house.upload(&owner, "application/zip", b"no archive".to_vec()).await.expect(400);
    house.upload(&owner, "application/x-zip-compressed", zip(&[("../a", "x")])).await.expect(400);
    let no_tar = house.file(&owner, vec![7; 5000]).await;
    let (status, _, body) = house.download(&owner, &no_tar, "?format=zip").await;
    assert_eq!(status.as_u16(), 400, "{}", String::from_utf8_lossy(&body));
    // Bytes are bytes: what is no archive is sent as it came.
    assert_eq!(house.download(&owner, &no_tar, "").await.2, vec![7; 5000]);
}

#[actix_web::test]
async fn a_file_is_read_twelve_times_a_minute_by_each_user() {
    let house = house().await;
    let owner = house.owner().await;
    let file = house.file(&owner, tar(&[("main.tf", "")])).await;
    let bob = house.member(&owner, "bob").await;
    for _ in 0..12 {
        assert_eq!(house.download(&owner, &file, "").await.0, StatusCode::OK);
    }
    assert_eq!(house.download(&owner, &file, "").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.download(&bob, &file, "").await.0, StatusCode::NOT_FOUND, "others have a share of their own");
    house.upload(&owner, "application/x-tar", tar(&[("main.tf", "")])).await.expect(200);
    house.clock.advance(time::Duration::minutes(2));
    assert_eq!(house.download(&owner, &file, "").await.0, StatusCode::OK);
}
