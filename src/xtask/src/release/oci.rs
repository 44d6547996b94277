//! OCI image layouts, in one archive each.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::archive::FileTree;
use super::{CommitTime, version};
use crate::build_stamp::sha256;

/// The media type of a manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The blobs of an image layout, by their digests.
#[derive(Default)]
pub struct ImageLayout {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl ImageLayout {
    /// Adds a blob, and returns its descriptor.
    pub fn add(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = sha256(&content);
        let descriptor =
            json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len() });
        self.blobs.insert(digest, content);
        descriptor
    }

    /// Returns the layout as a tar archive, with one manifest in its index under a tag.
    pub fn archive(mut self, manifest: &Value, tag: &str, seconds: u64) -> Result<Vec<u8>> {
        let mut descriptor = self.add(MANIFEST_TYPE, serde_json::to_vec(manifest)?);
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        });
        let mut tree = FileTree::default();
        tree.add("oci-layout", serde_json::to_vec(&json!({ "imageLayoutVersion": "1.0.0" }))?);
        tree.add("index.json", serde_json::to_vec(&index)?);
        for (digest, content) in self.blobs {
            tree.add(format!("blobs/sha256/{digest}"), content);
        }
        tree.tar(seconds)
    }
}

/// Returns the annotations of an image, which say what it is and where it comes from.
pub fn annotations(description: &str) -> Result<Value> {
    Ok(json!({
        "org.opencontainers.image.created": CommitTime::read()?.text,
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.source": "https://github.com/pullgate/pullgate",
        "org.opencontainers.image.title": "pullgate",
        "org.opencontainers.image.version": version()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_has_each_blob_once_and_the_manifest_in_its_index() {
        let mut layout = ImageLayout::default();
        let layer = layout.add("application/wasm", b"layer".to_vec());
        assert_eq!(layer, layout.add("application/wasm", b"layer".to_vec()));
        let bytes = layout.archive(&json!({ "layers": [layer] }), "1.0.0", 0).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        let manifest = sha256(json!({ "layers": [layer] }).to_string().as_bytes());
        let mut blobs = [sha256(b"layer"), manifest].map(|digest| format!("blobs/sha256/{digest}"));
        blobs.sort();
        let [first, second] = blobs;
        let expected = ["blobs/", "blobs/sha256/", &first, &second, "index.json", "oci-layout"];
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
