//! How maps are written in snapshots: arrays of pairs with ascending keys, never CBOR maps.

/// `BTreeMap` as `[[key, value], …]`, keys strictly ascending.
pub mod pairs {
    use minicbor::decode::Error;
    use minicbor::{Decode, Decoder, Encode, Encoder, encode::Write};
    use std::collections::BTreeMap;

    /// For `#[cbor(with)]`.
    pub fn encode<C, K: Encode<C>, V: Encode<C>, W: Write>(
        map: &BTreeMap<K, V>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(map.len() as u64)?;
        for (key, value) in map {
            e.array(2)?.encode_with(key, ctx)?.encode_with(value, ctx)?;
        }
        Ok(())
    }

    /// For `#[cbor(with)]`.
    pub fn decode<'b, C, K: Decode<'b, C> + Ord, V: Decode<'b, C>>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<BTreeMap<K, V>, Error> {
        let count = d.array()?.ok_or_else(|| Error::message("indefinite array"))?;
        let mut map = BTreeMap::new();
        for _ in 0..count {
            if d.array()? != Some(2) {
                return Err(Error::message("not a pair"));
            }
            let (key, value) = (d.decode_with(ctx)?, d.decode_with(ctx)?);
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return Err(Error::message("keys do not ascend"));
            }
            map.insert(key, value);
        }
        Ok(map)
    }
}
