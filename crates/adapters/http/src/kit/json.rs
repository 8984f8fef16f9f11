//! JSON as Coder's clients speak it (`identity.md` 1.1): reading is lenient, writing is exact.

mod fold;
mod go;
mod moment;

pub(crate) use go::{append, to_bytes};
pub(crate) use moment::{Nanoseconds, Timestamp};

use fold::Tree;
use serde::Deserialize as _;
use serde::de::DeserializeOwned;

/// Reads the first JSON value of a body, or says what is wrong with it and where.
///
/// Keys of structs are matched without regard to letter case, the last of several wins, unknown ones are ignored, and
/// `null` is as good as absent.
pub(crate) fn from_bytes<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut source = serde_json::Deserializer::from_slice(body);
    let tree = Tree::deserialize(&mut source).map_err(|error| error.to_string())?;
    serde_path_to_error::deserialize(tree).map_err(|error| match error.path().iter().next() {
        None => error.inner().to_string(),
        Some(_) => format!("{}: {}", error.path(), error.inner()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        #[serde(rename = "theName")]
        the_name: String,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Outer {
        email: String,
        lifetime: i64,
        flag: bool,
        id: Option<Uuid>,
        roles: Vec<String>,
        inner: Inner,
        many: Vec<Inner>,
        by_key: BTreeMap<String, Inner>,
    }

    fn read(body: &str) -> Outer {
        from_bytes(body.as_bytes()).unwrap()
    }

    #[test]
    fn keys_fold_in_structs_and_stay_in_maps() {
        let outer = read(
            r#"{"EMAIL":"a","Inner":{"THENAME":"b"},"MANY":[{"thename":"c"}],"by_key":{"Key":{"TheName":"d"},"key":{}},"x":1}"#,
        );
        assert_eq!(outer.email, "a");
        assert_eq!(outer.inner.the_name, "b");
        assert_eq!(outer.many[0].the_name, "c");
        assert_eq!(outer.by_key.keys().collect::<Vec<_>>(), ["Key", "key"]);
        assert_eq!(outer.by_key["Key"].the_name, "d");
    }

    #[test]
    fn the_last_of_several_wins_and_only_the_first_value_is_read() {
        assert_eq!(read(r#"{"email":"a","Email":"b"} {"email":"c"} junk"#).email, "b");
        assert_eq!(read(r#"{"Email":"b","email":"a"}"#).email, "a");
        assert_eq!(read(r#"{"email":"a","email":null}"#).email, "a", "null leaves the earlier value, as in Go");
    }

    #[test]
    fn null_is_absent() {
        let body = r#"{"email":null,"lifetime":null,"flag":null,"id":null,"roles":null,"inner":null,"many":[null],"by_key":{"a":null}}"#;
        let outer = read(body);
        assert_eq!(outer.many, [Inner::default()]);
        assert_eq!(outer.by_key["a"], Inner::default());
        assert_eq!(Outer { many: Vec::new(), by_key: BTreeMap::new(), ..outer }, Outer::default());
        assert_eq!(read("null"), Outer::default());
        assert_eq!(read(r#"{"roles":["a",null]}"#).roles, ["a", ""]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, part) in [
            ("", "EOF"),
            ("{", "EOF"),
            ("nope", "expected ident"),
            ("[]", "expected struct"),
            (r#"{"lifetime":"1"}"#, "lifetime: invalid type: string"),
            (r#"{"lifetime":1.5}"#, "lifetime: invalid type: floating point"),
            (r#"{"lifetime":9223372036854775808}"#, "lifetime: invalid value"),
            (r#"{"many":[{"theNAME":1}]}"#, "many[0].theName: invalid type: integer"),
            (r#"{"id":"x"}"#, "id: "),
            (r#"{"roles":{}}"#, "roles: invalid type: map"),
            (r#"{"email":"\u0000"}"#, "NUL"),
        ] {
            let error = from_bytes::<Outer>(body.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{body}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(from_bytes::<Outer>(deep.as_bytes()).is_err());
        assert!(from_bytes::<Outer>(b"{\"email\":\"\xff\"}").is_err());
    }
}
