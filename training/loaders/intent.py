"""How an intent payload answers. This file is copied into every payload as loader.py and needs no other file of ours.

The payload beside it: payload.json (labels, languages, thresholds), a folder for each encoder that is asked (encoder-0;
none for the hashing fake), the heads as plain arrays. Needs numpy; onnxruntime and tokenizers for a real encoder.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FORMAT = 3
# What tells a text that was learned from a stranger (`signs`); the payload weighs each. The first are told by all
# scores together, the others by each encoder that is heard.
SIGNS = ("confidence", "certainty", "top", "lead", "gram_likeness", "gram_top")
ENCODER_SIGNS = ("likeness", "nearest", "crowding", "agreement")
# Neighbours that are asked: few, as an intent may have five examples. Their say falls by e with each 0.05 of cosine.
NEIGHBOURS, NEIGHBOUR_SCALE, CROWD = 10, 20.0, 5
# Texts whose heads are worked out together, always so many (but for a lone one): products of one shape differ nowhere.
TOGETHER = 8
# Sizes of the character n-grams. A Han character is a word, a letter is not: Han counts in ones and twos, the rest in
# twos to fours (SMP2017, Chinese: 89.3% right with ones and twos, 85.6% with all sizes).
GRAM_SIZES = (1, 2, 3, 4)
_EAST_ASIAN = "\u2e80"  # where those scripts begin in Unicode
_SPACES = re.compile(r"\s+")
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\U0001f000-\U0001faff]")
# Frequent traditional characters and the simplified ones that stand for them (as in `features.chinese_scripts`).
TRADITIONAL = "瞭開會麼問傢齣麵說請點時來後為對迴車過話個嗎箇無給買貸裡機費這還纔題沒質喫當長隻補較網愛與體覺謝試學臺颱檯電頭於幫師書動讓實內見錢線數號價幾間參噹轉議別發髮嚮種約辦醫進單跤經該應錯氣風樣錶圖張養國門達區們毬萬換現從強闆邊將業係繫東馬員剋記遊戲兩額證裝難專銀侷跼詢運調親製選變聽務職綵賣熱寶薦語場帶優違並彆腦適驗報視藥週險滿証簡癥傷級處樂註減誰紅園貴佈關連歡灣資寫聲飲縣痠魚傳習節載營訴統爾順軍壓論類媽觀島總組檢則昇陞戰狀讀細確華盤計聞貨講預義幹願唸課倖斷雙剛龍評診興戶產維債館誌聯離併測條遠許結權禮復複護負訂夢鬆擇領歲宮煩勝卻輪膚項決財異畫摺購設紹貼溫紙黃橋稅詞隊蒐尋姊碼樓筆純況納極訊顯團備擊飯慾廠軟餘陽輕穀標積屬帳認鐘葉療術勞鎮繳層飛擔睏戀響腳稱終彿頂廣鍵採聖隨緻側羅釦婦絕盡臉鏡損規亞編託麗銷詳環夠誤頻盃勢頁談豐殺郵輸須緊導識慣針啟兒錄燈鐵縮孃舊彈劇奧蘭掛準樹壞駛懷償殘佔陰捲亂檔雲續賠靈鼕賞獎賺蠻蓆湯獨騎鄉鳥庫娛曆歷絡漢橫飾膠農屆貓淨遺賽慮討禦紀創蓋塊靜憶敵僕薑黨譯徵燒冊協脫據儘綠絲糰頑輩陣籐謂驅構態顧幣監際畢雖蟲飼圓儲寢誠塗責鬍巖簽練陳衛僅辭罰舉藍沖衝訓劑鬥顏妝眾潔爭齒廳籤陸織擾閉階鋼鍾煙濃壽隱詩緣賸祕韓貝繼莊儀臨騙腸寧鬚倫嚴惡腫濕槍慶顆劃艦獲釣掃歐藝刪噴穩雞績徑捨孫觸賬蓮販堅雜廟虛賀滅鑑釋盜蘇撥岡執寬圍櫃驚鮮諾濟倉駕樑諸溝燙贈鎖敗誘輔趕溼劍鍋築歸麥審僱跡礎瀋癒凍範緩夾匯魯榮穫褲災譜競潤賓齊劉飽烏億澤賃楊頃墊紋頓覽攝暫鳴廢擁呂軸砲緒吳涼襲螢傑淺鑽纖鳳齡攜惱漸汙駐餅爛絃寵棄脈鹽籃欄菸牆遲萊崑鎗揚賴龜擺薩攤獸擬騰蘋彙銅弔鋪晝訪賢詐瑪閒撲倣壇閃恆曬厭臟偽丟徹潛礙豬獻奪憑誕慄貧遞慼罵牽恥腎偉"  # noqa: E501
SIMPLIFIED = "了开会么问家出面说请点时来后为对回车过话个吗个无给买贷里机费这还才题没质吃当长只补较网爱与体觉谢试学台台台电头于帮师书动让实内见钱线数号价几间参当转议别发发向种约办医进单交经该应错气风样表图张养国门达区们球万换现从强板边将业系系东马员克记游戏两额证装难专银局局询运调亲制选变听务职彩卖热宝荐语场带优违并别脑适验报视药周险满证简症伤级处乐注减谁红园贵布关连欢湾资写声饮县酸鱼传习节载营诉统尔顺军压论类妈观岛总组检则升升战状读细确华盘计闻货讲预义干愿念课幸断双刚龙评诊兴户产维债馆志联离并测条远许结权礼复复护负订梦松择领岁宫烦胜却轮肤项决财异画折购设绍贴温纸黄桥税词队搜寻姐码楼笔纯况纳极讯显团备击饭欲厂软余阳轻谷标积属帐认钟叶疗术劳镇缴层飞担困恋响脚称终佛顶广键采圣随致侧罗扣妇绝尽脸镜损规亚编托丽销详环够误频杯势页谈丰杀邮输须紧导识惯针启儿录灯铁缩娘旧弹剧奥兰挂准树坏驶怀偿残占阴卷乱档云续赔灵冬赏奖赚蛮席汤独骑乡鸟库娱历历络汉横饰胶农届猫净遗赛虑讨御纪创盖块静忆敌仆姜党译征烧册协脱据尽绿丝团顽辈阵藤谓驱构态顾币监际毕虽虫饲圆储寝诚涂责胡岩签练陈卫仅辞罚举蓝冲冲训剂斗颜妆众洁争齿厅签陆织扰闭阶钢钟烟浓寿隐诗缘剩秘韩贝继庄仪临骗肠宁须伦严恶肿湿枪庆颗划舰获钓扫欧艺删喷稳鸡绩径舍孙触账莲贩坚杂庙虚贺灭鉴释盗苏拨冈执宽围柜惊鲜诺济仓驾梁诸沟烫赠锁败诱辅赶湿剑锅筑归麦审雇迹础沈愈冻范缓夹汇鲁荣获裤灾谱竞润宾齐刘饱乌亿泽赁杨顷垫纹顿览摄暂鸣废拥吕轴炮绪吴凉袭萤杰浅钻纤凤龄携恼渐污驻饼烂弦宠弃脉盐篮栏烟墙迟莱昆枪扬赖龟摆萨摊兽拟腾苹汇铜吊铺昼访贤诈玛闲扑仿坛闪恒晒厌脏伪丢彻潜碍猪献夺凭诞栗贫递戚骂牵耻肾伟"  # noqa: E501
_TO_SIMPLIFIED = str.maketrans(TRADITIONAL, SIMPLIFIED)
# What is left out in turn to see what carried an answer: a word, or a character of East Asia; so many at most.
PIECES = re.compile(r"[\u2e80-\U0003ffff]|[^\s\u2e80-\U0003ffff]+")
PIECES_READ, PIECES_TOLD, NEAREST_TOLD = 60, 6, 5


def clean(text: str) -> str:
    """The text as the encoder reads it: NFKC, simplified, no emoji, single spaces (as `features.wording.clean`)."""
    if not (text.isascii() and text.isprintable()):
        folded = _EMOJI.sub(" ", unicodedata.normalize("NFKC", text).translate(_TO_SIMPLIFIED))
        text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in folded)
    return _SPACES.sub(" ", text).strip()


def grams(text: str, *, buckets: int) -> tuple[Integers, Floats]:
    """Hashed character n-grams of one cleaned text: bucket numbers (sorted) and 1 + log(count).

    CRC-32 of the bytes is stable across machines and Python versions, and fast enough for one text in 0.1 ms.
    """
    padded = f" {text.casefold()} "
    if padded.isascii():  # the same, three times as fast: bytes are characters, and single ones do not count
        raw = padded.encode()
        codes = [zlib.crc32(raw[i : i + size]) % buckets for size in (2, 3, 4) for i in range(len(raw) - size + 1)]
    else:
        pieces = (padded[i : i + size] for size in GRAM_SIZES for i in range(len(padded) - size + 1))
        codes = [zlib.crc32(piece.encode()) % buckets for piece in pieces if _counts(piece)]
    found, counts = np.unique(np.asarray(codes, dtype=np.int64), return_counts=True)
    return found, (1.0 + np.log(counts)).astype(np.float32)


def _counts(piece: str) -> bool:
    return len(piece) == 2 or (max(piece) >= _EAST_ASIAN) == (len(piece) == 1)


def weighted(counted: tuple[Integers, Floats], *, inverse_share: Floats) -> tuple[Integers, Floats]:
    """`grams` weighted by how rare each bucket is in the training texts, as a row of length one (TF-IDF)."""
    found, values = counted
    values = values * inverse_share[found]
    length = float(np.sqrt(values @ values))
    return found, values / np.float32(length or 1.0)


def softmax(logits: Doubles) -> Doubles:
    """Probabilities along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def mixed(scores: Doubles, *, mix: Sequence[float]) -> Doubles:
    """Probabilities (n, labels) from the heads' raw scores (n, heads, labels).

    mix: the weight of each head's scores, and the share of answers that are wrong however sure the scores are, since
    the labels that teach and judge are themselves wrong sometimes; it is spread evenly.
    """
    sure = softmax(weighed(scores, mix=mix))
    return np.asarray((1.0 - mix[-1]) * sure + mix[-1] / sure.shape[1])


def weighed(scores: Doubles, *, mix: Sequence[float]) -> Doubles:
    """The heads' raw scores (n, heads, labels), each times its weight in the mix, summed: (n, labels)."""
    return np.asarray(np.einsum("h,nhl->nl", np.asarray(mix[:-1], dtype=np.float64), scores))


class Read(NamedTuple):
    """What the heads see in n texts, before they are mixed: one head an encoder, and the last on n-grams."""

    vectors: tuple[Floats, ...]  # of each encoder (n, d) unit rows; (n, 0) where it was not asked
    scores: Doubles  # (n, heads, labels), raw
    gram_likeness: Doubles  # (n, labels) cosine to each label's mean row of n-grams

    def shares(self, mix: Sequence[float]) -> Doubles:
        """Probabilities (n, labels)."""
        return mixed(self.scores, mix=mix)

    def take(self, rows: Integers) -> Read:
        """These texts only."""
        return Read(tuple(one[rows] for one in self.vectors), self.scores[rows], self.gram_likeness[rows])


def heard(mix: Sequence[float]) -> list[int]:
    """The encoders that count in this mix, by place: those without weight need not be asked."""
    return [place for place, weight in enumerate(mix[:-2]) if weight > 0.0]


def signs(read: Read, *, mix: Sequence[float], arrays: Mapping[str, Any]) -> Doubles:
    """The `SIGNS` of n texts and the `ENCODER_SIGNS` of each encoder heard, (n, signs); each is lower for a stranger.

    arrays: of each encoder `centroids_0` (d, labels), and what is remembered of the training rows: `known_vectors_0`
    (m, k) in the directions `known_basis_0` (d, k), `known_labels` and `known_crowding_0` (m,), how close each has its
    own nearest. certainty is the negative entropy; lead the distance to the second score; crowding compares the
    distance to the nearest rows with theirs (as the local outlier factor, Breunig et al. 2000); agreement is the share
    of the neighbours' say that goes to the best guess.
    """
    scores, shares = weighed(read.scores, mix=mix), read.shares(mix)
    rows, guess = np.arange(len(scores)), shares.argmax(axis=1)
    ordered = np.partition(scores, -2, axis=1)
    told = [
        np.log(shares.max(axis=1)), (shares * np.log(shares + 1e-12)).sum(axis=1), ordered[:, -1],
        ordered[:, -1] - ordered[:, -2], read.gram_likeness[rows, guess], read.scores[:, -1].max(axis=1),
    ]  # fmt: skip
    for place in heard(mix):
        told += _encoder_signs(read.vectors[place], guess, place=place, arrays=arrays)
    return np.column_stack(told).astype(np.float64)


def _encoder_signs(vectors: Floats, guess: Integers, *, place: int, arrays: Mapping[str, Any]) -> list[Any]:
    close, nearest = neighbours(vectors, place=place, arrays=arrays, count=NEIGHBOURS)
    own = arrays[f"known_crowding_{place}"][nearest[:, :CROWD]].mean(axis=1)
    crowd = -(1.0 - close[:, :CROWD].mean(axis=1)) / (1.0 - own + 0.02)
    say = np.exp(NEIGHBOUR_SCALE * (close - 1.0))
    agreement = (say * (arrays["known_labels"][nearest] == guess[:, None])).sum(axis=1) / say.sum(axis=1)
    return [(vectors @ arrays[f"centroids_{place}"]).max(axis=1), close[:, 0], crowd, agreement]


def neighbours(vectors: Floats, *, place: int, arrays: Mapping[str, Any], count: int) -> tuple[Doubles, Integers]:
    """Cosines to the nearest known rows (n, at most `count`; falling), in their directions, and which those are."""
    known, basis = arrays[f"known_vectors_{place}"], arrays[f"known_basis_{place}"]
    cosines = (vectors @ basis) @ known.T
    count = min(count, len(known))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(cosines, nearest, axis=1), axis=1, kind="stable")
    nearest = np.take_along_axis(nearest, order, axis=1)
    return np.take_along_axis(cosines, nearest, axis=1).astype(np.float64), nearest


def familiarity(told: Doubles, *, tables: Sequence[Sequence[float]], weights: Sequence[float]) -> Doubles:
    """How much each text looks like those that were learned: (n,), lower is stranger.

    told: `signs`. tables: of each sign, its quantiles on held-out texts of known intents. A weighted sum of the log
    tail shares (Fisher 1925, with weights): a text that is unusual in several ways is foreign.
    """
    summed: Doubles = np.zeros(len(told))
    for place, (table, weight) in enumerate(zip(tables, weights, strict=True)):
        below = np.searchsorted(np.asarray(table, dtype=np.float64), told[:, place], side="right")
        summed = summed + weight * np.log((below + 0.5) / (len(table) + 1.0))
    return summed


class Model:
    """A loaded payload. Each text is answered alone, so its answer does not depend on the batch it came in."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Read the payload in `folder`; `threads` texts are encoded at a time. ValueError for another family."""
        told = json.loads((folder / "payload.json").read_text(encoding="utf-8"))
        if (told.get("family"), told.get("format")) != ("intent", FORMAT):
            raise ValueError(f"not an intent payload of format {FORMAT}: {folder}")
        self.labels: list[str] = told["labels"]
        self.languages: dict[str, dict[str, Any]] = told["languages"]
        for one in self.languages.values():
            one["tables"] = [np.asarray(table, dtype=np.float64) for table in one["tables"]]
        self.max_chars, self.alternatives = int(told["max_chars"]), int(told["alternatives"])
        self._known_ids: list[str] = told["known_ids"]
        self.threads = threads
        self._each: Callable[..., Any] = map if threads == 1 else ThreadPoolExecutor(threads).map
        self._critical = np.isin(self.labels, told.get("critical", []))
        self._critical_doubt: float = told.get("critical_doubt", 1.0)
        self._arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in told["arrays"]}
        self._encoders = [_encoder(folder / f"encoder-{at}", one) for at, one in enumerate(told["encoders"])]
        for at in {place for one in self.languages.values() if one["answers"] for place in heard(one["mix"])}:
            self._encoders[at]("", True)  # opened now; one that no language is answered by is, when it is first asked

    def answer(self, texts: Sequence[str], *, languages: Sequence[str]) -> list[dict[str, Any]]:
        """One answer a text, in order: what the customer wants, or that a person should ask.

        languages: of each text (en, zh, other). An answer: intent (None when abstained), confidence (of the best
        guess, 0 to 1), abstained, reason (empty when answered), alternatives (the best guesses with their confidence,
        so that a caller may ask the customer to choose), language.
        """
        return [self._answer(*row) for row in zip(texts, languages, *self._judged(texts, languages), strict=True)]

    def shares(self, texts: Sequence[str], *, languages: Sequence[str]) -> Doubles:
        """Calibrated probabilities (texts, labels), before any refusal."""
        return self._judged(texts, languages)[0]

    def familiarity(self, texts: Sequence[str], *, languages: Sequence[str]) -> Doubles:
        """How much each text looks like those that were learned (n,); below the language's threshold it is refused."""
        return self._judged(texts, languages)[1]

    def vectors(self, texts: Sequence[str], *, languages: Sequence[str]) -> Floats:
        """Unit rows (texts, d): what each text's encoders see of it, side by side, nothing of those not asked."""
        widths = {int(name[8:]): len(one) for name, one in self._arrays.items() if name.startswith("weights_")}
        rows = np.zeros((len(texts), sum(widths.values())), dtype=np.float32)
        for places, _, read in self._seen(texts, languages):
            start = 0
            for at, width in widths.items():
                rows[places, start : start + read.vectors[at].shape[1]] = read.vectors[at][: len(places)]
                start += width
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def explain(self, text: str, *, language: str) -> dict[str, Any]:
        """Why this answer: the training rows nearest to the text, and the words that carried the best guess.

        Returns `nearest` ({example_id, intent, likeness: cosine}) and `words` ({word, weight: by how much the log
        probability of the best guess falls without it}), both falling.
        """
        cleaned = clean(text)[: self.max_chars]
        asked = heard(self._settings(language)["mix"])
        if not cleaned or not asked:
            return {"nearest": [], "words": []}
        seen = next(self._seen([cleaned], [language]))[2].vectors[asked[0]]
        close, rows = neighbours(seen, place=asked[0], arrays=self._arrays, count=NEAREST_TOLD)
        told = [
            {"example_id": self._known_ids[row], "intent": self.labels[self._arrays["known_labels"][row]],
             "likeness": round(float(cosine), 4)}
            for cosine, row in zip(close[0], rows[0], strict=True)
        ]  # fmt: skip
        return {"nearest": told, "words": self._words(cleaned, language)}

    def _words(self, cleaned: str, language: str) -> list[dict[str, Any]]:
        """The pieces without which the best guess is less likely, each left out alone."""
        pieces = list(PIECES.finditer(cleaned))[:PIECES_READ]
        without = [cleaned[: piece.start()] + cleaned[piece.end() :] for piece in pieces]
        whole, *told = np.log(self._judged([cleaned, *without], [language] * (1 + len(without)))[0])
        best = int(whole.argmax())
        fell = [float(whole[best] - one[best]) for one in told]
        order = [place for place in np.argsort(-np.asarray(fell), kind="stable")[:PIECES_TOLD] if fell[place] > 0]
        return [{"word": pieces[place].group(), "weight": round(fell[place], 4)} for place in order]

    def _judged(self, texts: Sequence[str], languages: Sequence[str]) -> tuple[Doubles, Doubles]:
        """Probabilities (n, labels) and familiarity (n,)."""
        shares, known = np.zeros((len(texts), len(self.labels))), np.zeros(len(texts))
        for places, language, read in self._seen(texts, languages):
            settings = self._settings(language)
            told = signs(read, mix=settings["mix"], arrays=self._arrays)
            found = familiarity(told, tables=settings["tables"], weights=settings["sign_weights"])
            shares[places], known[places] = read.shares(settings["mix"])[: len(places)], found[: len(places)]
        return shares, known

    def _seen(self, texts: Sequence[str], languages: Sequence[str]) -> Iterator[tuple[list[int], str, Read]]:
        """Places of texts in one language, and what is seen there: the first rows, as other texts fill it up."""
        read = [clean(text)[: self.max_chars] for text in texts]
        asked = [heard(self._settings(language)["mix"]) for language in languages]
        # Encoder by encoder: its weights then stay in the fast cache.
        seen = [list(self._each(one, read, [at in by for by in asked])) for at, one in enumerate(self._encoders)]
        for language in dict.fromkeys(languages):
            places = [at for at, one in enumerate(languages) if one == language]
            for part in (places[at : at + TOGETHER] for at in range(0, len(places), TOGETHER)):
                filled = (part * TOGETHER)[:TOGETHER] if len(part) > 1 else part
                rows = tuple(np.stack([one[at] for at in filled]) for one in seen)
                yield part, language, self._scored([read[at] for at in filled], rows)

    def _scored(self, texts: Sequence[str], vectors: tuple[Floats, ...]) -> Read:
        told, no = self._arrays, np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        heads = [v @ told[f"weights_{at}"] + told[f"bias_{at}"] if v.size else no for at, v in enumerate(vectors)]
        of_grams = {text: self._of_grams(text) for text in dict.fromkeys(texts)}
        last, likeness = (np.stack([of_grams[text][part] for text in texts]) for part in (0, 1))
        return Read(vectors, np.stack([*heads, last], axis=1).astype(np.float64), likeness.astype(np.float64))

    def _of_grams(self, text: str) -> tuple[Floats, Floats]:
        told, inverse = self._arrays, self._arrays["inverse_share"]
        found, values = weighted(grams(text, buckets=len(inverse)), inverse_share=inverse)
        return values @ told["gram_weights"][found] + told["gram_bias"], values @ told["gram_centroids"][found]

    def _settings(self, language: str) -> dict[str, Any]:
        return self.languages.get(language) or self.languages["*"]

    def _answer(self, text: str, language: str, shares: Doubles, known: float) -> dict[str, Any]:
        best = np.argsort(-shares, kind="stable")[: self.alternatives]
        confidence = float(shares[best[0]])
        reason = self._reason_to_abstain(text, language, shares, known)
        return {
            "intent": None if reason else self.labels[best[0]], "confidence": confidence,
            "margin": confidence - float(shares[best[1]]) if len(best) > 1 else confidence,
            "abstained": bool(reason), "reason": reason, "language": language,
            "alternatives": [{"intent": self.labels[one], "confidence": float(shares[one])} for one in best],
        }  # fmt: skip

    def _reason_to_abstain(self, text: str, language: str, shares: Doubles, known: float) -> str:
        settings = self._settings(language)
        if not clean(text):
            return "there is no text"
        if not settings["answers"]:
            return f"language {language} goes to a person: {settings['why']}"
        if critical := self._critical_reason(shares):
            return critical
        if known < settings["threshold"]:
            told = f"confidence {shares.max():.3f}, familiarity {known:.2f} below {settings['threshold']:.2f}"
            return f"too unlike what was learned: {told}"
        return ""

    def _critical_reason(self, shares: Doubles) -> str:
        """Why a person decides where a critical intent might be missed: the doubt then costs more than the question."""
        among = shares[self._critical]
        doubt = float(among.sum())
        if not len(among) or self._critical[int(shares.argmax())] or doubt <= self._critical_doubt:
            return ""
        likeliest = self.labels[int(np.flatnonzero(self._critical)[among.argmax()])]
        return f"may be critical: {doubt:.3f} above {self._critical_doubt:.3f}, {likeliest} most of all"


def load(folder: Path, *, threads: int = 1) -> Model:
    """The model of a payload folder."""
    return Model(Path(folder), threads=threads)


def _encoder(folder: Path, told: dict[str, Any]) -> Callable[[str, bool], Floats]:
    """What turns one cleaned text into its unit vector (an empty one if not asked); opened when it is first asked."""
    nothing = np.zeros(0, dtype=np.float32)
    if told["kind"] == "none":  # it was tried, and no language hears it
        return lambda _, asked: nothing
    if told["kind"] == "hash":
        return lambda text, asked: _hashed(text, dimension=told["dimension"]) if asked else nothing
    opened = cache(partial(_opened, folder))
    return lambda text, asked: opened()(text) if asked else nothing


def _opened(folder: Path) -> Callable[[str], Floats]:
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    options = onnxruntime.SessionOptions()
    # Parallel over texts and encoders, not inside one: the bytes do not depend on the threads.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"])

    def vector(text: str) -> Floats:
        ids = np.asarray([tokenizer.encode(text).ids], dtype=np.int64)
        row: Floats = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]
        return row

    return vector


def _hashed(text: str, *, dimension: int) -> Floats:
    """The hashing fake's vector (as `features.encoders.HashEncoder`), for tests without a model."""
    row = np.zeros(dimension, dtype=np.float32)
    padded = f" {text.casefold()} "
    for piece in (padded[i : i + size] for size in (2, 3, 4) for i in range(len(padded) - size + 1)):
        code = int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest(), "big")
        row[(code >> 1) % dimension] += 1.0 if code & 1 else -1.0
    length = float(np.linalg.norm(row))
    if length == 0.0:
        row[0] = length = 1.0
    return row / np.float32(length)


if __name__.startswith("code_model_"):  # the name under which MLflow loads a model from code, and nobody else
    import mlflow
    import pandas

    class IntentModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, unused-ignore]
        """The payload behind MLflow's pyfunc: a frame with `text` and `language` in, one row an answer out."""

        def load_context(self, context: Any) -> None:
            """The payload is the artefact of that name."""
            self.model = load(Path(context.artifacts["payload"]))

        def predict(self, context: Any, model_input: pandas.DataFrame, params: Any = None) -> list[dict[str, Any]]:
            """Answers as `Model.answer` gives them."""
            languages = model_input["language"] if "language" in model_input else ["en"] * len(model_input)
            return self.model.answer([str(text) for text in model_input["text"]], languages=[str(x) for x in languages])

    mlflow.models.set_model(IntentModel())
