//! Lives whose plan is written by hand: what the seeds once found, and single troubles at every place.

#[cfg(test)]
mod clocks;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod single_troubles;
