//! Who is called when nobody answers, as written: roles, ladders by colour, and the webhooks that carry the orders.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::point::PriorityKey;

/// 叫应：报警没有人应答时，按梯级呼叫值班角色。 Call and answer: whom an alarm calls until somebody answers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct CallFile {
    /// 角色，从最近的到最高的。 Roles, from the nearest to the highest.
    #[schemars(length(min = 1, max = 32))]
    pub(crate) roles: Vec<RoleFile>,
    /// 各颜色的梯级；没有写的颜色用默认梯级。 Ladders by colour; a colour that is not written has the usual one.
    #[serde(default)]
    #[schemars(length(max = 4))]
    pub(crate) ladders: Vec<LadderFile>,
    /// 同一角色两次呼叫的最短间隔，默认 60。 The least time between two orders for a role, 60 unless told.
    #[serde(default = "gap_s")]
    #[schemars(range(min = 10, max = 300))]
    pub(crate) gap_s: u32,
    /// 重点时段内各时间缩短到百分之几，默认 50。 In key periods every time is this many percent, 50 unless told.
    #[serde(default = "key_period_percent")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) key_period_percent: u16,
}

const fn gap_s() -> u32 {
    60
}

const fn key_period_percent() -> u16 {
    50
}

/// 角色：今天由谁担任、电话是多少，由接收端知道。 A role: the receiver knows who that is today, and at which number.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct RoleFile {
    /// 名称，例如 "班长"。 Its name, such as "shift leader".
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 经哪个 webhook 呼叫；不写则用第一个。 The webhook that carries its orders, the first unless told.
    pub(crate) webhook: Option<String>,
}

/// 一种颜色的梯级。 The ladder of a colour.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LadderFile {
    /// 报警的优先级。 The alarms' priority.
    pub(crate) priority: PriorityKey,
    /// 梯级，时间递增；空则不呼叫任何人。 Rungs, later and later; without any, nobody is called.
    #[schemars(length(max = 16))]
    pub(crate) rungs: Vec<RungFile>,
    /// 之后每隔几分钟重复最后一级。 Then the last rung is called again this often.
    #[schemars(range(min = 1, max = 1440))]
    pub(crate) repeat_min: Option<u32>,
    /// 最多重复几次，默认 12。 So many times at most, 12 unless told.
    #[schemars(range(min = 1, max = 255))]
    pub(crate) repeats_max: Option<u8>,
}

/// 一级：同时呼叫的角色。 A rung: the roles that are called together.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "names are read where their place in the file is known")]
pub(crate) struct RungFile {
    /// 报警后几分钟。 Minutes after the alarm.
    #[schemars(range(max = 1440))]
    pub(crate) after_min: u32,
    /// 角色。 Who.
    #[schemars(length(min = 1, max = 32))]
    pub(crate) roles: Vec<String>,
}

/// 呼叫接口：把呼叫单送到短信、电话或值班台的程序。 A webhook: carries orders to whatever rings or shows them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookFile {
    /// 名称，站内唯一。 Its name, unique on the site.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) id: String,
    /// 地址，https://…。 Its address, https://….
    #[schemars(length(min = 1, max = 2048))]
    pub(crate) url: String,
    /// 密钥文件，至少 16 字节，双方各存一份。 The file with the secret that both sides know, 16 bytes at least.
    pub(crate) secret_file: PathBuf,
    /// 签发接收端证书的 CA，PEM 文件；https 必写。 The authorities of the receiver's certificate, PEM; needed for https.
    pub(crate) ca: Option<PathBuf>,
    /// 允许明文 http 到本机。 Plain http to this machine is allowed.
    #[serde(default)]
    pub(crate) allow_plain_loopback: bool,
    /// 每次投递的时限，默认 10。 How long one try may take, 10 unless told.
    #[serde(default = "timeout_s")]
    #[schemars(range(min = 1, max = 60))]
    pub(crate) timeout_s: u32,
    /// 最多投递几次，默认 3；合计不超过 90 秒。 Tries of one order, 3 unless told; 90 s in all.
    #[serde(default = "tries")]
    #[schemars(range(min = 1, max = 10))]
    pub(crate) tries: u8,
}

const fn timeout_s() -> u32 {
    10
}

const fn tries() -> u8 {
    3
}
