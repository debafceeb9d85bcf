//! Random worlds that change while they are walked, with random trouble and crashes: when it is over the store equals
//! the world, each change has exactly one event, and the requests stay within the computed budget.
//!
//! A failing seed prints itself; `THREADKEEP_TEST_SEED=N cargo test -p threadkeep-core --test worlds` replays it alone.

#[cfg(test)]
mod mirror;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod world;

#[test]
fn after_any_weather_the_store_equals_the_world() {
    world::replaying(world::stormy);
}

#[test]
fn a_calm_world_takes_the_least_requests() {
    world::replaying(world::calm);
}

#[test]
fn an_equal_world_has_no_drift_whatever_moves_while_it_is_verified() {
    world::replaying(verify::equal);
}

#[test]
fn planted_drift_is_found_and_healed_by_a_repair() {
    world::replaying(verify::spoilt);
}

#[test]
fn a_repair_brings_what_a_lost_mark_hid_and_deletes_nothing() {
    world::replaying(verify::forgotten);
}

#[test]
fn a_verification_that_broke_off_begins_anew() {
    world::replaying(verify::broken_off);
}

#[test]
fn a_stream_that_has_fallen_silent_is_noticed_by_a_glance_at_the_list() {
    world::replaying(verify::silent);
}
