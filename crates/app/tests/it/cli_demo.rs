//! The demo, small: the whole program against the simulated LinkedIn, judged by its own comparison.

use anyhow::Result;

use crate::cli_harness::Room;

#[test]
fn a_demo_compares_itself_with_the_truth_and_leaves_the_users_own_mirror_alone() -> Result<()> {
    let room = Room::new()?
        .with("THREADKEEP_DATA_DIR", "mirror")
        .with("THREADKEEP_DATABASE_URL", "postgres://nobody@127.0.0.1:1/mirror");
    let ran = room.run(&["demo", "--exit", "--conversations", "12", "--messages-mean", "8", "--faults", "none"])?;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.told(), ran.out);
    for expected in ["the truth      equal in all ", "survived       no faults", "database       ROOM/mirror/demo/"] {
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
    let requests = ran.out.lines().find(|line| line.starts_with("requests")).unwrap_or_default();
    let figures: Vec<&str> =
        requests.split(|letter: char| !letter.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    assert!(matches!(figures[..], [made, least, "0"] if made == least), "{requests}");
    assert!(!room.path("mirror/threadkeep.db").exists() && !room.path("mirror.key").exists());
    Ok(())
}
