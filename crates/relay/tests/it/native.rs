//! What is no text passes a vendor's own path as it is: files, audio, images, batches.

use crate::support::*;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{Full, StreamBody};
use relay::End;
use testkit::vendor::Mode;
use tokio::net::TcpStream;

/// A form with a file of every byte there is, and a field that looks like a model of ours.
fn form() -> Vec<u8> {
    let file: Vec<u8> = (0..200_000u32).map(|n| u8::try_from(n.wrapping_mul(31) % 256).unwrap()).collect();
    let mut form =
        b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nopenai/whisper-1\r\n".to_vec();
    form.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n");
    form.extend(file);
    form.extend(b"\r\n--b--\r\n");
    form
}

#[tokio::test]
async fn forms_and_batches_pass_byte_for_byte_both_ways_however_they_are_framed() {
    let mut house = house().await;
    house.vendor.play(Mode::Echo);
    let multipart = "multipart/form-data; boundary=b";
    let batch = b"{\"custom_id\":\"1\",\"body\":{\"model\":\"openai/m\"}}\n{\"custom_id\":\"2\"}\n".to_vec();
    for (path, kind, body, at) in [
        ("/v1/openai/files", multipart, form(), "/v1/files"),
        ("/v1/openai/audio/transcriptions", multipart, form(), "/v1/audio/transcriptions"),
        ("/v1/openai/images/edits", multipart, form(), "/v1/images/edits"),
        ("/v1/openai/uploads/upload_1/parts", multipart, form(), "/v1/uploads/upload_1/parts"),
        ("/v1/anthropic/v1/files", multipart, form(), "/v1/files"),
        ("/v1/google/upload/v1beta/files", "application/octet-stream", form(), "/v1/upload/v1beta/files"),
        ("/v1/openai/batches", "application/json", batch, "/v1/batches"),
    ] {
        for chunked in [false, true] {
            let request = Request::post(path).header("x-api-key", PROGRAM_TOKEN).header("content-type", kind);
            let stream = TcpStream::connect(house.at).await.unwrap();
            let answer = if chunked {
                let pieces: Vec<_> = body.chunks(7_001).map(Bytes::copy_from_slice).collect();
                let frames = pieces.into_iter().map(|p| Ok::<_, std::io::Error>(http_body::Frame::data(p)));
                send(stream, request.body(StreamBody::new(futures::stream::iter(frames))).unwrap()).await
            } else {
                send(stream, request.body(Full::from(body.clone())).unwrap()).await
            };
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(answer.body == body, "{path} passes as it is");
            assert_eq!(answer.headers["content-type"], kind);
            let call = house.vendor.calls().pop().unwrap();
            assert_eq!((call.path.as_str(), call.headers["content-type"].as_str()), (at, kind));
            let row = house.row().await;
            let bytes = body.len() as u64;
            assert_eq!((row.end, row.sent_bytes, row.received_bytes), (End::Complete, bytes, bytes));
        }
    }
}

#[tokio::test]
async fn sounds_and_files_come_down_byte_for_byte_and_every_method_goes_up() {
    let mut house = house().await;
    house.vendor.play(Mode::Binary { bytes: 300_000 });
    let want: Vec<u8> = (0..300_000usize).map(testkit::vendor::binary).collect();
    for (method, path, body) in [
        (Method::POST, "/v1/openai/audio/speech", r#"{"model":"openai/tts-1","input":"hi"}"#),
        (Method::GET, "/v1/openai/files/file_1/content", ""),
        (Method::GET, "/v1/anthropic/v1/files/file_1/content", ""),
        (Method::DELETE, "/v1/openai/files/file_1", ""),
        (Method::PUT, "/v1/custom/things/1", "x"),
    ] {
        let request = Request::builder().method(&method).uri(path).header("x-api-key", BOT_TOKEN);
        let stream = TcpStream::connect(house.at).await.unwrap();
        let answer = send(stream, request.body(Full::from(body.to_owned())).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.cut), (200, false), "{path}");
        assert!(answer.body == want, "{path} comes as it is");
        let call = house.vendor.calls().pop().unwrap();
        assert_eq!((call.method.as_str(), call.body), (method.as_str(), body.replace("openai/", "")));
        assert_eq!(house.row().await.end, End::Complete);
    }
}
