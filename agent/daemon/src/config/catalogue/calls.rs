//! The words of what can be wrong with call-and-answer; they join the catalogue at its end.

/// Gives `catalogue!` these rows after those it was given.
macro_rules! with_calls {
    ($($rest:tt)*) => {
        with_commands! {
            $($rest)*
            // Call and answer.
            "E1401" UnknownRole
                ["没有角色 {0}", "there is no role {0}"],
                ["没有这个角色", "no such role"], ALSO,
                ["写 [call] roles 里的 id。{1}", "write the id of one of the roles in [call]. {1}"];
            "E1402" UnknownWebhook
                ["没有名为 {0} 的 webhook", "there is no webhook named {0}"],
                ["没有这个 webhook", "no such webhook"], ALSO,
                ["写 [[webhooks]] 的 id。{1}", "write the id of one of [[webhooks]]. {1}"];
            "E1403" RungsNotAscending
                ["第 {0} 级在 {1} 分钟，不晚于前一级的 {2} 分钟", "rung {0} is at {1} min, not later than the one before at {2} min"],
                ["应晚于前一级", "must be later than the one before"], ["前一级", "the rung before"],
                ["梯级的时间要递增；同时呼叫的角色写在同一级", "rungs get later and later; roles that are called together share a rung"];
            "E1404" BadWebhookUrl
                ["webhook {0}：\"{1}\" 不是可用的地址", "webhook {0}: \"{1}\" is not an address"],
                ["不能用", "cannot be used"], ALSO,
                ["写 https://主机[:端口][/路径]，不带用户名和密码，不带 #", "write https://host[:port][/path], without user, password or #"];
            "E1405" PlainWebhook
                ["webhook {0}：不允许明文 http", "webhook {0}: plain http is not allowed"],
                ["应为 https", "https expected"], ALSO,
                ["写 https://…；接收程序就在本机时，才可以加 allow_plain_loopback = true", "write https://…; only for a program on this machine add allow_plain_loopback = true"];
            "E1406" WebhookWithoutCa
                ["webhook {0}：https 却没有 ca", "webhook {0}: https without ca"],
                ["接收端的证书无从核对", "nothing to check the receiver's certificate against"], ALSO,
                ["写 ca = \"…\"；公共机构签发的证书用 /etc/ssl/certs/ca-certificates.crt", "write ca = \"…\"; for certificates of public authorities /etc/ssl/certs/ca-certificates.crt"];
            "E1407" WebhookFileMissing
                ["webhook {0}：{1} 指向的文件 {2} 不存在或读不到", "webhook {0}: the file {2} of {1} is not there or cannot be read"],
                ["没有这个文件", "no such file"], ALSO,
                ["放好文件，或改正路径（相对路径从 site.toml 所在目录算起）", "put the file there, or correct the path (relative to the folder of site.toml)"];
            "E1408" SecretTooShort
                ["webhook {0}：密钥不足 {1} 字节，可以猜到", "webhook {0}: the secret has fewer than {1} bytes and can be guessed"],
                ["密钥太短", "too short"], ALSO,
                ["用 openssl rand -hex 32 生成，存入文件，并交给接收端", "make one with openssl rand -hex 32, keep it in the file, and give it to the receiver"];
            "E1409" NoWebhook
                ["有 [call] 却没有 [[webhooks]]：呼叫单无处可送", "[call] without [[webhooks]]: nobody carries the orders"],
                ["呼叫不到任何人", "nobody can be called"], ALSO,
                ["补上 [[webhooks]]：id、url、secret_file、ca", "add [[webhooks]] with id, url, secret_file and ca"];
            "E1410" NothingToRepeat
                ["{0} 写了重复，却没有 {1}", "{0} repeats without {1}"],
                ["缺少 {1}", "{1} is missing"], ALSO,
                ["repeats_max 要与 repeat_min 一起写，并且至少有一级", "repeats_max goes with repeat_min, and both need a rung"];
            "E1411" RepeatsTooOften
                ["每 {0} 分钟重复，短于同一角色两次呼叫的最短间隔 {1} 秒", "repeats every {0} min, sooner than the same role may be called again ({1} s)"],
                ["太频繁", "too often"], ALSO,
                ["写不小于 gap_s 的时间", "write a time of at least gap_s"];
        }
    };
}
pub(super) use with_calls;
