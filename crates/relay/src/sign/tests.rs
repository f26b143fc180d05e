use super::*;

const PAIR: &str = "AKIDEXAMPLEAKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z, the moment of AWS's published examples.
const THEN_MS: i64 = 1_440_938_160_000;

/// The signer of AWS's published examples, whose id is shorter than any that AWS gives.
fn published(token: Option<&str>) -> Signer {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let pair = Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None, "test");
    Signer { pair, region: REGION.to_owned(), service: "service" }
}

fn signed(signer: &Signer, method: &Method, uri: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    signer.sign((method, &uri.parse().unwrap()), &mut headers, b"", THEN_MS).unwrap();
    headers
}

#[test]
fn aws_own_published_examples_are_signed_as_published() {
    let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    for (method, token, names, signature) in [
        (
            Method::GET,
            None,
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Method::POST,
            None,
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Method::GET,
            Some(token),
            "host;x-amz-date;x-amz-security-token",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
    ] {
        let headers = signed(&published(token), &method, "https://example.amazonaws.com/");
        let want = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, \
             Signature={signature}"
        );
        assert_eq!(headers["authorization"], want);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        assert_eq!(headers.get("x-amz-security-token").map(|v| v.to_str().unwrap()), token);
        assert!(headers.values().all(HeaderValue::is_sensitive));
    }
}

#[test]
fn a_path_goes_out_in_the_one_way_that_is_signed() {
    let base = "https://bedrock-runtime.us-east-1.amazonaws.com";
    for (path, want) in [
        ("/model/a.b-v1:0/converse", "/model/a.b-v1%3A0/converse"),
        ("/model/a.b-v1%3a0/converse?x=1", "/model/a.b-v1%3A0/converse?x=1"),
        ("/model/%61~_/invoke", "/model/a~_/invoke"),
    ] {
        let uri = plainly(&format!("{base}{path}").parse().unwrap()).unwrap();
        assert_eq!(uri.to_string(), format!("{base}{want}"));
    }
}

#[test]
fn the_region_is_the_addresses_own() {
    for (address, want) in [
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://vpce-0a1b-2c.bedrock-runtime.ap-south-1.vpce.amazonaws.com", "ap-south-1"),
        ("https://bedrock.example.com/x", REGION),
        ("http://127.0.0.1:9", REGION),
    ] {
        let signer = Signer::new("bedrock", &BaseUrl::parse(address).unwrap(), PAIR).unwrap();
        assert_eq!(signer.region, want, "{address}");
    }
    assert!(Signer::new("bedrock", &BaseUrl::parse("https://a.example").unwrap(), "ABSKabc").is_none());
}
