//! The index that pip is configured to use, read from pip's own files: a machine that mirrors PyPI says so there. Only
//! `index-url` of `[global]` is read.

use std::path::PathBuf;

/// The configured index; the most personal file wins, as with pip.
pub(super) fn read_index() -> Option<String> {
    files().into_iter().rev().find_map(|path| index_in(&std::fs::read_to_string(path).ok()?))
}

fn files() -> Vec<PathBuf> {
    let folder = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let configuration = folder("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
    let mut files = vec![PathBuf::from("/etc/pip.conf")];
    files.extend(home.map(|home| home.join(".pip/pip.conf")));
    files.extend(configuration.map(|folder| folder.join("pip/pip.conf")));
    files.extend(folder("VIRTUAL_ENV").map(|folder| folder.join("pip.conf")));
    files.extend(folder("PIP_CONFIG_FILE"));
    files
}

fn index_in(text: &str) -> Option<String> {
    let mut section = String::new();
    let mut index = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim().to_ascii_lowercase();
        } else if let Some((key, value)) = line.split_once(['=', ':']).filter(|_| section == "global")
            && key.trim().replace('_', "-").eq_ignore_ascii_case("index-url")
        {
            index = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::index_in;

    #[test]
    fn the_global_index_is_read() {
        let text = "# ours\n[install]\nindex-url = https://no.example\n[global]\ntimeout = 9\nindex_url = https://a.example/simple\n";
        assert_eq!(index_in(text).as_deref(), Some("https://a.example/simple"));
        assert_eq!(index_in("[global]\n; index-url = https://a.example\n"), None);
    }
}
