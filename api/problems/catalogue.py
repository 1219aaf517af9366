"""Every type of problem: its status, its title, what it means and what to do, in Chinese and English.

The slugs are part of the API and never change their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CATALOGUE", "ProblemType"]

Text = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A type of problem. Texts are by language: `zh` and `en`."""

    slug: str
    status: int
    title: Text
    meaning: Text
    remedy: Text

    @property
    def path(self) -> str:
        """The stable `type`: a reference relative to the server, which is also the address of its page."""
        return f"/problems/{self.slug}"


def _type(
    slug: str, status: int, title: tuple[str, str], meaning: tuple[str, str], remedy: tuple[str, str]
) -> ProblemType:
    return ProblemType(
        slug,
        status,
        *({"en": english, "zh": chinese} for english, chinese in (title, meaning, remedy)),
    )


_ALL = (
    _type(
        "malformed-json",
        400,
        ("The body is not JSON", "请求体不是合法的JSON"),
        (
            "The body, or a line of an NDJSON body, could not be read as JSON. NaN, Infinity, a byte order mark, "
            "text that is "
            "not UTF-8 and numbers beyond the range of a double are not JSON here.",
            "请求体（或NDJSON中的一行）无法按JSON读取。NaN、Infinity、字节顺序标记、"
            "非UTF-8文本以及超出双精度范围的数，均不是此处接受的JSON。",
        ),
        (
            "Send UTF-8 JSON without a byte order mark. The detail names the place.",
            "请发送不带字节顺序标记的UTF-8编码JSON；detail指明了出错位置。",
        ),
    ),
    _type(
        "malformed-arrow",
        400,
        ("The body is not an Arrow stream", "请求体不是合法的Arrow流"),
        (
            "The body could not be read as an Arrow IPC stream: it is cut off, damaged, of another format (an Arrow "
            "file, Parquet), or does not end with the end-of-stream marker.",
            "请求体无法按Arrow IPC流读取：被截断、已损坏、是其他格式（Arrow文件、Parquet），或者没有流结束标记。",
        ),
        (
            "Send what a stream writer of an Arrow library wrote, after closing it.",
            "请发送Arrow库的流写入器（stream writer）关闭之后的全部输出。",
        ),
    ),
    _type(
        "malformed-compression",
        400,
        ("The body cannot be unpacked", "请求体无法解压"),
        (
            "The body is not what its `Content-Encoding` says: it is cut off, damaged, or something follows it.",
            "请求体与Content-Encoding不符：被截断、已损坏，或者末尾有多余内容。",
        ),
        ("Compress the body again, or send it as it is.", "请重新压缩，或者不压缩直接发送。"),
    ),
    _type(
        "nested-too-deeply",
        400,
        ("The body is nested too deeply", "请求体嵌套过深"),
        (
            "Objects and lists stand in each other more often than any valid request needs.",
            "对象和数组的嵌套层数超过了任何合法请求的需要。",
        ),
        ("Send the shape that the API describes at /docs.", "请按/docs所述的结构发送。"),
    ),
    _type(
        "duplicate-key",
        400,
        ("A key stands twice", "键重复"),
        (
            "An object of the body has the same key twice, so it is not clear which value is meant. Single "
            "evaluations refuse "
            "this; in batches the last value counts.",
            "请求体的某个对象中同一个键出现两次，无法判断以哪个值为准。单个评估拒绝重复键；批量评估以最后一个值为准。",
        ),
        ("Send each key once.", "每个键只发送一次。"),
    ),
    _type(
        "invalid-request",
        400,
        ("The request does not have the expected shape", "请求结构不符合要求"),
        (
            "A member is missing, unknown, or of the wrong JSON type, or an option has a value that does not exist.",
            "缺少某个成员、出现未知成员、成员的JSON类型不对，或者选项取值不存在。",
        ),
        (
            "Compare the request with the description at /docs; the pointer names the place.",
            "请对照/docs的说明修改；pointer指明了位置。",
        ),
    ),
    _type(
        "missing-as-of",
        400,
        ("The day of the evaluation is missing", "缺少评估日期"),
        (
            "Every evaluation is about a day. The server never takes its own clock for it, so that the same "
            "request always gets "
            "the same verdicts.",
            "每次评估都针对某一天。服务器不用自己的时钟代替，以保证同一请求总得到同一结论。",
        ),
        ("Send `as_of` as a date like `2026-11-22`.", "请发送as_of，格式如2026-11-22。"),
    ),
    _type(
        "bad-date",
        422,
        ("A date is malformed", "日期格式错误"),
        (
            "A date is not of the form `2025-12-31`, does not exist, or lies outside 1900 to 2200.",
            "日期不是2025-12-31这样的格式、并不存在，或者不在1900年至2200年之间。",
        ),
        ("Send the day as four digits, two digits, two digits.", "请按“四位年-两位月-两位日”发送。"),
    ),
    _type(
        "bad-period",
        422,
        ("A period is malformed", "期间格式错误"),
        (
            "A periodic fact has a key that names no period of its kind, too many periods, or a plain value "
            "where only values by "
            "period can be placed.",
            "按期间填报的指标所用的键不是该类期间，期间过多，或者只能按期间填报却给了单个值。",
        ),
        ("Use keys of the fact's period as listed at /v1/facts.", "请使用/v1/facts中该指标所列期间类型的键。"),
    ),
    _type(
        "unknown-fact",
        422,
        ("Unknown fact", "未知指标"),
        (
            "The fact dictionary has no fact of that name. Unknown names are refused, so that a misspelt fact is "
            "never silently "
            "missing.",
            "指标字典中没有这个名称。系统拒绝未知名称，以免拼错的指标被悄悄当作缺失。",
        ),
        ("Use the names listed at /v1/facts.", "请使用/v1/facts所列的名称。"),
    ),
    _type(
        "wrong-type",
        422,
        ("A fact has the wrong type", "指标类型错误"),
        (
            'The value is not of the fact\'s type. The text `"45"` is no number; `45.0` is a whole number.',
            '取值不符合该指标的类型。文本"45"不是数；45.0视为整数。',
        ),
        (
            "Send the type listed at /v1/facts; leave out, or send null for, what is not known.",
            "请按/v1/facts所列类型发送；不掌握的指标请省略或发送null。",
        ),
    ),
    _type(
        "out-of-bounds",
        422,
        ("A fact is out of bounds", "指标超出合理范围"),
        (
            "The number lies outside the bounds of its fact, beyond anything that occurs. Percentages go from 0 "
            "to 100, gross "
            "rates above.",
            "数值超出该指标的合理范围。百分数为0至100，毛入学率等可以超过100。",
        ),
        ("Check the value and its unit.", "请核对数值和单位。"),
    ),
    _type(
        "unknown-option",
        422,
        ("Unknown option", "未知选项"),
        (
            "A category, grade or checklist has an option that the dictionary does not list.",
            "分类、等级或清单的选项不在字典所列之中。",
        ),
        ("Use one of the options listed at /v1/facts.", "请使用/v1/facts所列的选项。"),
    ),
    _type(
        "unknown-subject",
        422,
        ("Unknown subject", "未知评估对象"),
        ("The subject is none of those that facts can be about.", "评估对象不在系统支持的类别之中。"),
        ("Send one of the subjects that the detail lists.", "请使用detail中列出的类别。"),
    ),
    _type(
        "unknown-division",
        422,
        ("Unknown division", "未知行政区划"),
        ("No division has that GB/T 2260 code, neither now nor formerly.", "现行和历史行政区划中均无此GB/T 2260代码。"),
        ("Send the six digits of a province, city or county as text.", "请以文本发送省、市、县的六位代码。"),
    ),
    _type(
        "unknown-ruleset",
        422,
        ("Unknown ruleset", "未知规则集"),
        ("No ruleset of that id and version is served here.", "此处没有该标识和版本的规则集。"),
        ("Choose one of those listed at /v1/rulesets.", "请从/v1/rulesets所列中选择。"),
    ),
    _type(
        "ruleset-not-applicable",
        422,
        ("The ruleset does not apply there", "规则集不适用于该地"),
        (
            "`include` names a ruleset that is not among those that also apply to the division on that day.",
            "include所列规则集不在该行政区划当日“同时适用”的规则集之中。",
        ),
        (
            "Include only what `also_applicable` lists, or pin the ruleset with `ruleset`.",
            "请只列also_applicable中的规则集，或用ruleset指定。",
        ),
    ),
    _type(
        "no-ruleset",
        422,
        ("No ruleset for that place and day", "该地当日没有适用的规则集"),
        (
            "Neither the division nor any above it has a plan that had begun by that day and has the wanted authority.",
            "该行政区划及其上级均没有在当日已施行且符合效力要求的规划。",
        ),
        (
            "`existing` lists what there is: choose another day, another authority, or pin a ruleset.",
            "existing列出了现有规则集：请改用其他日期或效力要求，或者直接指定规则集。",
        ),
    ),
    _type(
        "unknown-parameter",
        422,
        ("Unknown parameter", "未知参数"),
        (
            "`parameters` names a ruleset that takes no part in the evaluation, or a parameter that it does not "
            "declare.",
            "parameters所列规则集未参与评估，或者该规则集没有声明此参数。",
        ),
        ("Use the parameters listed with the ruleset at /v1/rulesets.", "请使用/v1/rulesets中该规则集声明的参数。"),
    ),
    _type(
        "bad-parameter",
        422,
        ("A parameter has the wrong value", "参数取值错误"),
        ("The value of a parameter is not of its declared type.", "参数取值不符合声明的类型。"),
        ("Send the type declared by the ruleset.", "请按规则集声明的类型发送。"),
    ),
    _type(
        "member-not-allowed",
        422,
        ("Such a member cannot be here", "此类成员不能列在这里"),
        (
            "A member is of a kind that its container cannot have: a city has counties and institutions, a county "
            "institutions, an education group schools, an institution teachers and pupils.",
            "成员的类别与上级不符：市可以有县和各类机构，县可以有各类机构，教育集团可以有学校，学校可以有教师和学生。",
        ),
        ("Put it under the container that it belongs to.", "请把它放在所属的上级之下。"),
    ),
    _type(
        "duplicate-id",
        422,
        ("An id stands twice", "编号重复"),
        (
            "Two members of one record, or two records that are tied by `parent`, are of the same kind and have the "
            "same id. Counted twice, a school would weigh twice.",
            "同一记录的两个成员，或者以parent相连的两条记录，类别和编号都相同。重复计入会使同一所学校计算两次。",
        ),
        ("Send each one once, with an id of its own.", "请每个对象只发送一次，并使用各自的编号。"),
    ),
    _type(
        "member-elsewhere",
        422,
        ("A member of another division", "成员属于其他行政区划"),
        (
            "The division of a member does not lie in that of its container, so a county would be judged by the "
            "school of another.",
            "成员所在的行政区划不在上级的行政区划之内，会把别处的学校计入本县。",
        ),
        ("Correct the code, or send it under its own container.", "请更正代码，或者放到它自己的上级之下。"),
    ),
    _type(
        "unknown-parent",
        422,
        ("Unknown parent", "找不到上级记录"),
        (
            "A record names as its `parent` an id that no other record of the same batch has.",
            "记录的parent所指的编号，在同一批次的其他记录中不存在。",
        ),
        ("Send the parent in the same batch, or leave `parent` out.", "请在同一批次中发送上级记录，或省略parent。"),
    ),
    _type(
        "too-many-members",
        422,
        ("Too many members", "成员过多"),
        (
            "One record may have only so many members, through any depth; the detail names the limit.",
            "一条记录的成员总数（含各级）有上限，detail给出了具体数目。",
        ),
        (
            "Send what is rolled up from them as facts of the container.",
            "请改为发送由成员汇总得出的指标。",
        ),
    ),
    _type(
        "storage-unavailable",
        503,
        ("Nothing can be stored", "无法保存"),
        (
            "`store: true` asks to keep the decision, but this server has no storage.",
            "store: true要求保存结论，但本服务器没有可用的存储。",
        ),
        ("Send `store: false`, or leave it out.", "请发送store: false，或省略该项。"),
    ),
    _type(
        "ruleset-refused",
        503,
        ("The ruleset is not what was published", "规则集与已发布的内容不符"),
        (
            "The files of this version differ from what was published under its name, so the server does not judge "
            "by it.",
            "该版本的文件与以同一名称发布的内容不一致，服务器不据此评估。",
        ),
        (
            "Pin another version, or let the operator put the published files back; /health/ready says what differs.",
            "请指定其他版本，或请运维人员恢复已发布的文件；/health/ready列出了差异。",
        ),
    ),
    _type(
        "not-ready",
        503,
        ("The server is not ready", "服务器未就绪"),
        (
            "Something that the server needs does not work; `checks` says what. Evaluations that store nothing go on.",
            "服务器所依赖的某项功能不可用，checks列出了具体情况。不需要保存的评估照常进行。",
        ),
        (
            "Nothing, if it mends itself within a minute; else the operator follows what `checks` says.",
            "若一分钟内自行恢复则无需处理；否则请运维人员按checks的提示处理。",
        ),
    ),
    _type(
        "too-many-records",
        413,
        ("Too many records", "记录过多"),
        ("The batch has more records than one request may hold.", "批量请求的记录数超过单次上限。"),
        ("Split the batch, or ask for less detail.", "请拆分批次，或降低detail。"),
    ),
    _type(
        "body-too-large",
        413,
        ("The body is too large", "请求体过大"),
        (
            "The body is longer than this address accepts, or unpacks to more than it accepts.",
            "请求体超过此地址的上限，或者解压后超过上限。",
        ),
        (
            "Send less at once; many records go to /v1/evaluations/batch.",
            "请减少单次发送的数据；多条记录请使用/v1/evaluations/batch。",
        ),
    ),
    _type(
        "body-too-slow",
        408,
        ("The body arrived too slowly", "请求体接收超时"),
        ("The whole body did not arrive in time.", "请求体未在时限内全部到达。"),
        ("Try again on a better connection, or send less at once.", "请换用更好的网络重试，或减少单次发送的数据。"),
    ),
    _type(
        "took-too-long",
        503,
        ("The evaluation took too long", "评估超时"),
        (
            "The batch was given up because it passed the time that one request may take.",
            "批量评估超过单次请求的时限，已停止。",
        ),
        ("Send fewer records at once.", "请减少单次记录数。"),
    ),
    _type(
        "unsupported-media-type",
        415,
        ("The media type is not supported", "不支持的媒体类型"),
        (
            "The `Content-Type`, its charset or the `Content-Encoding` is not one that this address reads.",
            "Content-Type、字符集或Content-Encoding不是此地址所支持的。",
        ),
        (
            "Send `application/json` in UTF-8; to the batch also `application/x-ndjson` or "
            "`application/vnd.apache.arrow.stream`.",
            "请以UTF-8发送application/json；批量接口也可发送application/x-ndjson或application/vnd.apache.arrow.stream。",
        ),
    ),
    _type(
        "not-found",
        404,
        ("Not found", "未找到"),
        ("Nothing stands at that address.", "该地址没有内容。"),
        ("All addresses are described at /docs.", "全部地址见/docs。"),
    ),
    _type(
        "method-not-allowed",
        405,
        ("The method is not allowed", "不允许的请求方法"),
        ("The address exists, but not for this method.", "该地址存在，但不支持此请求方法。"),
        ("Use a method that the `Allow` header names.", "请使用Allow头所列的方法。"),
    ),
    _type(
        "foreign-host",
        400,
        ("The host name is not ours", "主机名不符"),
        (
            "Without access keys the server answers only requests made to this machine by its own name "
            "(`127.0.0.1`, `::1`, "
            "`localhost`), so that no web page elsewhere can reach it through a visitor's browser.",
            "未设访问密钥时，服务器只应答以127.0.0.1、::1或localhost访问本机的请求，以免其他网页借访问者的浏览器访问。",
        ),
        ("Use `http://127.0.0.1:` with the server's port.", "请以http://127.0.0.1和服务器端口访问。"),
    ),
    _type(
        "forwarded-request",
        400,
        ("Forwarded requests are refused", "拒绝转发的请求"),
        (
            "The request came through a proxy. Without access keys the server serves this machine only.",
            "请求经由代理转发而来。未设访问密钥时，服务器只服务本机。",
        ),
        ("Ask the server directly.", "请直接访问服务器。"),
    ),
    _type(
        "internal-error",
        500,
        ("Our mistake", "服务器内部错误"),
        ("The server met a mistake of its own. It has been logged.", "服务器自身出错，已记入日志。"),
        ("Report it with the time and the request.", "请连同时间和请求一并反馈。"),
    ),
)

CATALOGUE: Mapping[str, ProblemType] = {type_.slug: type_ for type_ in _ALL}
