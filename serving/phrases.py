"""What the pages say, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

PageLanguage = Literal["en", "zh"]

PHRASES: Final[Mapping[str, tuple[str, str]]] = {
    "inbox": ("Inbox", "待办"),
    "history": ("History", "历史"),
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "code": ("One-time code", "一次性登录码"),
    "code_help": (
        "Open the link that `parley people invite NAME` prints with your own token, or paste its code, or that of your "
        "invitation, here. Each works once.",
        "请打开用本人令牌运行 `parley people invite NAME` 得到的链接，"
        "或在此粘贴其登录码或你的邀请码。每个码只能使用一次。",
    ),
    "own_token_help": (
        "Keep your own token: it is shown this once, and `parley people invite` makes sign-in links by it.",
        "请保存你的令牌：仅显示这一次，之后可凭它用 `parley people invite` 生成登录链接。",
    ),
    "signed_in": ("You are signed in.", "您已登录。"),
    "go_on": ("Go to the inbox", "进入待办"),
    "waiting": ("Waiting for a decision", "等待审批"),
    "none_waiting": ("Nothing waits for a decision.", "没有等待审批的请求。"),
    "answering": ("What answers now", "当前应答"),
    "decided": ("Decided lately", "最近的决定"),
    "version": ("Version", "版本"),
    "family": ("Family", "模型类别"),
    "asked_by": ("Asked by", "申请人"),
    "trained_by": ("Trained by", "训练人"),
    "asked_at": ("Asked", "申请时间"),
    "expires": ("Expires", "失效时间"),
    "state": ("State", "状态"),
    "source": ("Source", "来源"),
    "since": ("Since", "开始时间"),
    "approved_by": ("Approved by", "批准人"),
    "problems": ("Problems", "问题"),
    "decided_by": ("Decided by", "决定人"),
    "decided_at": ("Decided", "决定时间"),
    "comment": ("Comment", "备注"),
    "why": ("Why", "原因"),
    "look": ("Look at the evidence", "查看依据"),
    "simulated": ("simulated evidence", "模拟数据"),
    "what_is_asked": ("What is asked", "申请内容"),
    "scope": ("Scope", "适用范围"),
    "units": ("Business units", "业务部门"),
    "queues": ("Queues", "队列"),
    "channels": ("Channels", "渠道"),
    "languages": ("Languages", "语言"),
    "share": ("Share of contacts", "联系占比"),
    "until": ("To review by", "复审日期"),
    "conditions": ("Conditions", "附加条件"),
    "no_conditions": ("No conditions are asked for.", "没有附加条件。"),
    "all": ("all", "全部"),
    "champion": ("Compared with", "对比对象"),
    "baseline": ("baseline", "基线"),
    "model": ("model", "模型"),
    "off": ("switched off", "已关闭"),
    "verdict": ("Verdict of the gates", "门槛结论"),
    "passed": ("passed", "通过"),
    "held": ("held", "未放行"),
    "failed": ("failed", "未通过"),
    "not_judged": ("not judged", "未评判"),
    "missing": ("missing", "缺失"),
    "reasons": ("Reasons", "理由"),
    "gates": ("Gates", "门槛"),
    "gate": ("Gate", "门槛"),
    "metric": ("Metric", "指标"),
    "value": ("Value", "数值"),
    "interval": ("95% interval", "95% 区间"),
    "bar": ("Bar", "标准"),
    "rows": ("Rows", "行数"),
    "against": ("Against", "对比"),
    "candidate": ("Candidate", "候选"),
    "other": ("Other", "对照"),
    "difference": ("Better by", "提升"),
    "metrics": ("Measured", "测量结果"),
    "comparisons": ("Compared", "对比结果"),
    "slices": ("Slices", "分组"),
    "slice": ("Slice", "分组"),
    "consequence": ("Consequence", "后果"),
    "intent_changes": ("What changes for those who read intents", "对意图使用方的变化"),
    "drops_read": ("It drops intents that are read:", "将停用仍有使用方的意图："),
    "no_intent_changes": ("No intent comes, goes or gets another name.", "没有新增、停用或改名的意图。"),
    "change": ("Change", "变化"),
    "intent_name": ("Intent", "意图"),
    "read_by": ("Read by", "使用方"),
    "added": ("added", "新增"),
    "renamed": ("renamed", "改名"),
    "dropped": ("dropped", "停用"),
    "replaced_by": ("now", "现为"),
    "was_called": ("was", "原名"),
    "limits": ("What the report does not know", "报告的局限"),
    "evidence_rows": ("Rows", "数据行"),
    "train": ("to learn from", "训练"),
    "calibrate": ("to calibrate", "校准"),
    "judged": ("to judge", "评判"),
    "times_used": ("Judged candidates since the last promotion", "自上次上线以来的使用次数"),
    "data_from": ("Data from", "数据来源"),
    "as_of": ("As of", "截至"),
    "digests": ("What the signature covers", "签名所涵盖的内容"),
    "artefact": ("Artefact", "模型文件"),
    "report": ("Report", "报告"),
    "policy": ("Gate policy", "门槛策略"),
    "dvc_lock": ("dvc.lock", "dvc.lock"),
    "contracts": ("Contracts", "数据契约"),
    "feature_service": ("Feature service", "特征服务"),
    "commit": ("Commit", "提交"),
    "run_id": ("Run", "运行"),
    "subject": ("Signed digest", "签名摘要"),
    "full_report": ("The full report", "完整报告"),
    "open_report": ("Open it alone", "单独打开"),
    "no_report": ("The report cannot be found; do not approve without it.", "找不到报告；没有报告请勿批准。"),
    "decide": ("Decide", "审批"),
    "approve": ("Approve", "批准"),
    "reject": ("Reject", "拒绝"),
    "approve_help": (
        "You sign the digest below with your name. It goes live within seconds.",
        "您将以本人名义签署下方摘要，数秒内即会上线。",
    ),
    "comment_for_reject": ("Say why when you reject", "拒绝时请说明原因"),
    "cannot_decide": (
        "You may read this. A reviewer decides who did not ask for it, and was not let in for it by the one who did.",
        "您可以查看。须由申请人以外的审批人决定，且不得是申请人在训练之后才加入的人。",
    ),
    "requested": ("waiting", "等待审批"),
    "approved": ("approved", "已批准"),
    "rejected": ("rejected", "已拒绝"),
    "expired": ("expired", "已失效"),
    "superseded": ("superseded", "已被取代"),
    "promoted": ("went live", "已上线"),
    "going_live": ("Approved. It goes live now; this page renews itself.", "已批准，正在上线；本页会自动刷新。"),
    "is_live": ("Approved and promoted.", "已批准并上线。"),
    "is_rejected": ("Rejected.", "已拒绝。"),
    "act_failed": (
        "Approved, but the promotion could not be started. An engineer should run: parley promote REQUEST.",
        "已批准，但未能启动上线流程，请工程师运行：parley promote REQUEST。",
    ),
    "number": ("No.", "序号"),
    "when": ("When", "时间"),
    "who": ("Who", "操作人"),
    "what": ("What", "事项"),
    "details": ("Details", "详情"),
    "chain_holds": ("The chain was verified up to here.", "哈希链已验证至此。"),
    "newer": ("Newer", "较新"),
    "older": ("Older", "较早"),
    "refused": ("This did not work", "操作未成功"),
    "expected": ("Expected", "应为"),
    "came": ("Came", "实为"),
    "where": ("Where", "位置"),
    "remedy": ("What to do", "处理办法"),
    "back": ("Back to the inbox", "返回待办"),
    "languages_switch": ("中文", "English"),
    "of_roles": ("Roles", "角色"),
    "nobody": ("nobody", "无"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
}


def phrase(name: str, language: PageLanguage) -> str:
    """What a page says for `name`. A name without a phrase (a state that is new, say) is shown as it is."""
    told = PHRASES.get(name)
    return name if told is None else told[0 if language == "en" else 1]


def preferred(accept: str) -> PageLanguage:
    """The language that a browser asks for by Accept-Language; English when it asks for neither."""
    best: tuple[float, PageLanguage] = (0.0, "en")
    for part in accept.split(",")[:20]:
        tag, _, rest = part.strip().partition(";")
        name = tag.split("-")[0].strip().lower()
        weight = _weight(rest)
        if name in ("en", "zh") and weight > best[0]:
            best = (weight, "zh" if name == "zh" else "en")
    return best[1]


def _weight(rest: str) -> float:
    told = rest.strip().removeprefix("q=")
    try:
        return float(told) if told else 1.0
    except ValueError:
        return 0.0
