//! Two servers on one database: what one of them does, the other one knows at once.

use threadkeep::http::HttpSettings;
use threadkeep::verbs::keys::Scope;
use tokio::net::TcpStream;

use crate::api_socket::{Server, first_line, get, say};
use crate::api_world::World;
use crate::cli_harness::Room;
use crate::store_database::Database;

crate::on_both_databases!(row_04_a_key_that_one_node_revokes_is_refused_by_the_other_at_once);

async fn row_04_a_key_that_one_node_revokes_is_refused_by_the_other_at_once(db: &Database) -> anyhow::Result<()> {
    let one = World::over(db.second().await?)?;
    let other = World::over(db.second().await?)?;
    let admin = one.key(&[Scope::Admin], &[]).await?;
    let server = Server::start(&other, HttpSettings::default()).await?;
    for number in 0..5 {
        let key = one.key(&[Scope::Read], &[]).await?;
        let asked = get("/accounts", &format!("authorization: Bearer {key}\r\n"));
        // Used before, so that a cache would know it.
        assert_eq!(server.exchange(&asked).await?, "HTTP/1.1 200 OK", "{number}");
        let id = key.split('_').nth(1).unwrap_or_default();
        assert_eq!(one.delete(&admin, &format!("/keys/{id}")).await?.status, 200);
        assert_eq!(server.exchange(&asked).await?, "HTTP/1.1 401 Unauthorized", "{number}");
        assert_eq!(one.get(&key, "/accounts").await?.fault(), "401 invalid_key", "{number}");
    }
    server.end().await?;
    one.app.store.close().await;
    other.app.store.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_04_a_key_that_the_command_line_revokes_is_refused_by_a_running_server() -> anyhow::Result<()> {
    let room = Room::new()?;
    let key = room.run(&["key", "create", "--scopes", "read"])?.out.trim().to_owned();
    let serving = room.serve(&[])?;
    let address = serving.url.trim_start_matches("http://").to_owned();
    let asked = get("/accounts", &format!("authorization: Bearer {key}\r\n"));
    let ask = async || anyhow::Ok(first_line(&say(TcpStream::connect(&address).await?, &asked).await?));
    assert_eq!(ask().await?, "HTTP/1.1 200 OK");
    let ran = room.run(&["key", "revoke", key.split('_').nth(1).unwrap_or_default()])?;
    assert_eq!(ran.code, Some(0), "{}", ran.told());
    assert_eq!(ask().await?, "HTTP/1.1 401 Unauthorized");
    Ok(())
}
