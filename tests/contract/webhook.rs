//! The page of the webhook's protocol: its Python runs, and makes the signatures that the gateway makes.

use std::process::Command;

use hazard_agent::settings::Secret;
use hazard_agent::webhook::mac;

const BODY: &[u8] = b"{\"v\":1}";

#[test]
fn the_python_of_both_pages_signs_and_verifies_as_the_gateway_does() {
    let secret = Secret::new(b"sixteen letters!").unwrap();
    let order = mac::sign_order(&secret, "1780000000", BODY);
    let reply = mac::sign_reply(&secret, "1780000000", "a-1", BODY);
    for page in ["webhook.md", "webhook.zh-CN.md"] {
        let path = format!("{}/../docs/platform/{page}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&order) && text.contains(&reply), "{page} shows other signatures");
        let shown = text.split("```python").nth(1).unwrap().split("```").next().unwrap();
        let check = format!(
            "{shown}
k, body, now = b'sixteen letters!', b'{{\"v\":1}}', '1780000000'
time.time = lambda: 1780000000.5
assert is_ours(k, {{'Hazard-Timestamp': now, 'Hazard-Signature': '{order}'}}, body)
assert not is_ours(k, {{'Hazard-Timestamp': now, 'Hazard-Signature': '{reply}'}}, body)
assert sign_reply(k, 'a-1', body) == {{'Hazard-Timestamp': now, 'Hazard-Signature': '{reply}'}}
"
        );
        let Ok(ran) = Command::new("python3").args(["-c", &check]).output() else {
            return hazard_tests::tools::skip("python3 is not installed (apt install python3-pip)");
        };
        assert!(ran.status.success(), "{page}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
