//! A number of 64 bits that may be absent, as both databases take it.

use sqlx::any::AnyTypeInfo;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::{Any, Database, Type};

/// A float of 64 bits, its absence included. sqlx 0.9 tells Postgres that an absent `f64` has 32 bits and an absent `f32` has 64; the statement is
/// remembered so, and the next row, which has the number, would be refused.
pub(super) struct Double(pub(super) f64);

impl Type<Any> for Double {
    fn type_info() -> AnyTypeInfo {
        <f32 as Type<Any>>::type_info()
    }
}

impl Encode<'_, Any> for Double {
    fn encode_by_ref(&self, buffer: &mut <Any as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Any>::encode_by_ref(&self.0, buffer)
    }
}
