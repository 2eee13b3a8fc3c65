//! 存证: what the gateway signs with.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// 存证。 Evidence.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EvidenceFile {
    /// 签名私钥文件；不写则为数据目录中的 evidence.key，首次启动时生成。 The private key; by default evidence.key in the state folder, made at the first start.
    pub(crate) key: Option<PathBuf>,
}
