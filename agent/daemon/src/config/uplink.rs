//! Uplinks as the site file has them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// 上传协议。 The protocol of an uplink.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UplinkKindKey {
    /// MQTT。 MQTT.
    Mqtt,
}

/// MQTT 版本。 MQTT's version.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum VersionKey {
    /// 3.1.1。 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// 5。 5.
    #[serde(rename = "5")]
    V5,
}

/// 以什么为确认。 What confirms.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConfirmKey {
    /// MQTT 服务器的 PUBACK。 The broker's PUBACK.
    Puback,
    /// 平台的回执。 The platform's receipt.
    Receipt,
}

/// 上传通道。 An uplink.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UplinkFile {
    /// 名称，站内唯一。 Its name, unique on the site.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 协议。 Its protocol.
    #[allow(dead_code, reason = "one protocol today; the key keeps files readable when there are more")]
    pub(crate) kind: UplinkKindKey,
    /// 主机名或 IP。 Host name or address.
    #[schemars(length(min = 1, max = 253))]
    pub(crate) host: String,
    /// 端口；默认有 TLS 为 8883，否则 1883。 Port; 8883 with TLS, else 1883.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    /// MQTT 版本，默认 3.1.1。 MQTT's version, 3.1.1 unless told.
    pub(crate) version: Option<VersionKey>,
    /// 客户端标识，默认为网关代码。 Client identifier, the gateway's code unless told.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) client_id: Option<String>,
    /// 用户名。 User name.
    #[schemars(length(min = 1, max = 256))]
    pub(crate) username: Option<String>,
    /// 密码文件。 The file that holds the password.
    pub(crate) password_file: Option<PathBuf>,
    /// TLS；不写则为明文。 TLS; plain TCP without it.
    pub(crate) tls: Option<TlsFile>,
    /// 保活间隔。 Keep-alive.
    #[serde(default = "keep_alive_s")]
    #[schemars(range(min = 5, max = 3600))]
    pub(crate) keep_alive_s: u32,
    /// 建立连接的时限。 How long connecting may take.
    #[serde(default = "connect_timeout_s")]
    #[schemars(range(min = 1, max = 300))]
    pub(crate) connect_timeout_s: u32,
    /// 消息多久没有确认就重建连接。 How long a message may wait for its confirmation.
    #[serde(default = "stall_timeout_s")]
    #[schemars(range(min = 5, max = 3600))]
    pub(crate) stall_timeout_s: u32,
    /// 两次重连的最长间隔。 The longest pause between two attempts.
    #[serde(default = "retry_max_s")]
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) retry_max_s: u32,
    /// 同时在途的消息数。 Messages in flight at most.
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) window: u16,
    /// 一条消息最多几条记录。 Records in one message at most.
    #[serde(default = "message_records_max")]
    #[schemars(range(min = 1, max = 5000))]
    pub(crate) message_records_max: u16,
    /// 以什么为确认，默认 puback；receipt：平台的回执。 What confirms, the broker's PUBACK unless told; receipt: the platform's own.
    pub(crate) confirm: Option<ConfirmKey>,
    /// confirm = "receipt" 时，多久没有回执就重发。 With receipts: what is not receipted for so long is sent again.
    #[serde(default = "receipt_timeout_s")]
    #[schemars(range(min = 5, max = 3600))]
    pub(crate) receipt_timeout_s: u32,
    /// 一个报文最多几字节。 Bytes of one packet at most.
    #[serde(default = "packet_bytes_max")]
    #[schemars(range(min = 4096, max = 16_777_216))]
    pub(crate) packet_bytes_max: u32,
}

const fn receipt_timeout_s() -> u32 {
    60
}

const fn keep_alive_s() -> u32 {
    30
}

const fn connect_timeout_s() -> u32 {
    10
}

const fn stall_timeout_s() -> u32 {
    30
}

const fn retry_max_s() -> u32 {
    60
}

const fn window() -> u16 {
    16
}

const fn message_records_max() -> u16 {
    200
}

const fn packet_bytes_max() -> u32 {
    1_048_576
}

/// TLS，PEM 文件；相对路径从 site.toml 所在目录算起。 TLS, as PEM files relative to the folder of site.toml.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFile {
    /// 签发服务器证书的 CA。 The authorities of the broker's certificate.
    pub(crate) ca: PathBuf,
    /// 网关证书链。 The gateway's certificate chain.
    pub(crate) cert: Option<PathBuf>,
    /// 网关私钥。 The gateway's key.
    pub(crate) key: Option<PathBuf>,
    /// 服务器证书上的名字，与 host 不同时写。 The name in the broker's certificate, where it is not the host.
    #[schemars(length(min = 1, max = 253))]
    pub(crate) server_name: Option<String>,
}
