//! Virtual keys, from the command line.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_is_not_made_where_nobody_would_see_its_secret() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    home.run(&["virtual-key", "add", "Batch", "-o", "name"]).ended(2, &["nothing was done", "-o json"]);
    assert!(home.run(&["virtual-key", "list", "-o", "name"]).ok().trim().is_empty(), "and none was made");
    let secret = home.run(&["virtual-key", "add", "Batch"]).ok();
    assert!(secret.contains("chela_vk_"), "{secret}");
    home.run(&["virtual-key", "rotate", "Batch", "-o", "name"]).ended(2, &["nothing was done"]);
    let rotated = home.run(&["virtual-key", "rotate", "Batch"]).ok();
    assert!(rotated.contains("chela_vk_") && rotated != secret, "{rotated}");
    at.stop().await;
}
