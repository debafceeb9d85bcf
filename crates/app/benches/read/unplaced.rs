//! Where a system does not let threads be placed, server and load share all processors.

use anyhow::Result;

/// Nothing was placed.
pub struct Placed;

impl Placed {
    /// Leaves everything where it is.
    pub fn apart() -> Result<Self> {
        Ok(Self)
    }
}
