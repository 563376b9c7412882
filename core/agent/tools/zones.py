"""Time zones by what people call them: IANA names, cities, Korean city and country names, offsets."""

from __future__ import annotations

import datetime
import functools
import re
import zoneinfo

_NAMED: dict[str, str] = {
    "utc": "UTC", "gmt": "UTC", "협정세계시": "UTC", "세계시": "UTC", "그리니치": "UTC",
    "서울": "Asia/Seoul", "한국": "Asia/Seoul", "대한민국": "Asia/Seoul", "부산": "Asia/Seoul", "korea": "Asia/Seoul",
    "south korea": "Asia/Seoul", "busan": "Asia/Seoul", "kst": "Asia/Seoul",
    "도쿄": "Asia/Tokyo", "동경": "Asia/Tokyo", "오사카": "Asia/Tokyo", "일본": "Asia/Tokyo", "japan": "Asia/Tokyo",
    "osaka": "Asia/Tokyo", "jst": "Asia/Tokyo",
    "베이징": "Asia/Shanghai", "북경": "Asia/Shanghai", "상하이": "Asia/Shanghai", "중국": "Asia/Shanghai",
    "beijing": "Asia/Shanghai", "china": "Asia/Shanghai", "홍콩": "Asia/Hong_Kong",
    "타이베이": "Asia/Taipei", "대만": "Asia/Taipei", "taiwan": "Asia/Taipei",
    "싱가포르": "Asia/Singapore", "방콕": "Asia/Bangkok", "태국": "Asia/Bangkok", "thailand": "Asia/Bangkok",
    "하노이": "Asia/Ho_Chi_Minh", "호치민": "Asia/Ho_Chi_Minh", "베트남": "Asia/Ho_Chi_Minh",
    "hanoi": "Asia/Ho_Chi_Minh", "vietnam": "Asia/Ho_Chi_Minh",
    "자카르타": "Asia/Jakarta", "인도네시아": "Asia/Jakarta", "마닐라": "Asia/Manila", "필리핀": "Asia/Manila",
    "델리": "Asia/Kolkata", "뉴델리": "Asia/Kolkata", "뭄바이": "Asia/Kolkata", "인도": "Asia/Kolkata",
    "india": "Asia/Kolkata", "delhi": "Asia/Kolkata", "new delhi": "Asia/Kolkata", "mumbai": "Asia/Kolkata",
    "두바이": "Asia/Dubai", "이스탄불": "Europe/Istanbul", "튀르키예": "Europe/Istanbul", "모스크바": "Europe/Moscow",
    "런던": "Europe/London", "영국": "Europe/London", "uk": "Europe/London", "england": "Europe/London",
    "파리": "Europe/Paris", "프랑스": "Europe/Paris", "france": "Europe/Paris",
    "베를린": "Europe/Berlin", "독일": "Europe/Berlin", "germany": "Europe/Berlin", "뮌헨": "Europe/Berlin",
    "munich": "Europe/Berlin", "프랑크푸르트": "Europe/Berlin", "frankfurt": "Europe/Berlin",
    "로마": "Europe/Rome", "이탈리아": "Europe/Rome", "italy": "Europe/Rome",
    "마드리드": "Europe/Madrid", "바르셀로나": "Europe/Madrid", "스페인": "Europe/Madrid", "spain": "Europe/Madrid",
    "암스테르담": "Europe/Amsterdam", "네덜란드": "Europe/Amsterdam", "스위스": "Europe/Zurich",
    "취리히": "Europe/Zurich", "카이로": "Africa/Cairo", "이집트": "Africa/Cairo", "나이로비": "Africa/Nairobi",
    "뉴욕": "America/New_York", "워싱턴": "America/New_York", "보스턴": "America/New_York",
    "washington": "America/New_York", "boston": "America/New_York", "miami": "America/New_York",
    "est": "America/New_York", "edt": "America/New_York",
    "시카고": "America/Chicago", "댈러스": "America/Chicago", "dallas": "America/Chicago", "덴버": "America/Denver",
    "로스앤젤레스": "America/Los_Angeles", "la": "America/Los_Angeles", "샌프란시스코": "America/Los_Angeles",
    "시애틀": "America/Los_Angeles", "san francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "california": "America/Los_Angeles", "캘리포니아": "America/Los_Angeles", "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles", "밴쿠버": "America/Vancouver", "토론토": "America/Toronto",
    "멕시코시티": "America/Mexico_City", "상파울루": "America/Sao_Paulo", "브라질": "America/Sao_Paulo",
    "부에노스아이레스": "America/Argentina/Buenos_Aires", "하와이": "Pacific/Honolulu", "hawaii": "Pacific/Honolulu",
    "시드니": "Australia/Sydney", "멜버른": "Australia/Melbourne", "호주": "Australia/Sydney",
    "australia": "Australia/Sydney", "오클랜드": "Pacific/Auckland", "뉴질랜드": "Pacific/Auckland",
}  # fmt: skip

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?")


@functools.cache
def _cities() -> dict[str, str]:
    """Return IANA names by themselves and by their last part, ``new york`` for ``America/New_York``."""
    found: dict[str, str] = {}
    for name in sorted(zoneinfo.available_timezones()):
        area = name.split("/", 1)[0]
        if area in ("posix", "right", "SystemV"):
            continue
        found[name.lower()] = name
        if "/" in name and area not in ("Etc",):
            found.setdefault(name.rsplit("/", 1)[1].replace("_", " ").lower(), name)
    return found


def find(name: str) -> datetime.tzinfo | None:
    """Return the time zone that a name means, or ``None``."""
    wanted = " ".join(name.strip().lower().replace("_", " ").split())
    offset = _OFFSET.fullmatch(wanted)
    if offset:
        minutes = int(offset.group(2)) * 60 + int(offset.group(3) or 0)
        if minutes > 14 * 60:
            return None
        return datetime.timezone(datetime.timedelta(minutes=minutes if offset.group(1) == "+" else -minutes))
    cities = _cities()
    # A slash means an IANA name, whose underscores count.
    key = _NAMED.get(wanted) or cities.get(name.strip().lower().replace(" ", "_")) or cities.get(wanted)
    if key is None and wanted.endswith(("시", "시간")):
        key = _NAMED.get(wanted.removesuffix("시간").removesuffix("시").strip())
    try:
        return zoneinfo.ZoneInfo(key) if key else None
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None
