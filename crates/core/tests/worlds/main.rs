//! Random worlds that change while they are walked, with random trouble and crashes: when it is over the store equals
//! the world, each change has exactly one event, and the requests stay within the computed budget.
//!
//! A failing seed prints itself; `THREADKEEP_TEST_SEED=N cargo test -p threadkeep-core --test worlds` replays it alone.

#[cfg(test)]
mod mirror;
#[cfg(test)]
mod upstream;
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
