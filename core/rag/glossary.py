"""Workplace words in English and Korean: search by words reaches synonyms, and documents in the other language.

General vocabulary of offices, personnel, money, machines, computers and law. It was written after reading the
training questions of the sample set (not the test questions), so figures on the training split flatter it.
"""

from __future__ import annotations

import functools
import re

from core.rag.keywords import COMMON, bigrams, stem

PAIRS = """
leave, vacation, day off | 휴가, 연차; annual leave | 연차, 연차휴가; holiday | 휴일, 공휴일, 휴가;
sick | 병가, 아프, 질병; parental leave | 육아휴직; maternity, birth, childbirth | 출산, 산전후;
paternity | 배우자 출산; child, kid | 자녀, 아이; parent | 부모;
grandparent, grandmother, grandfather | 조부모, 할머니, 할아버지; spouse, wife, husband | 배우자, 남편, 아내;
family | 가족; wedding, marriage, marry | 결혼, 혼인; death, funeral, bereavement | 사망, 장례, 경조;
birthday | 생일; sibling, brother, sister | 형제자매, 형제; relative | 친족, 친척; dependent | 부양가족;
condolence | 조의, 경조사; gift | 선물; employee, staff, worker, personnel | 직원, 사원, 근로자, 임직원;
new hire, newcomer | 신입, 신규 입사; hire, recruit | 채용, 입사;
manager, supervisor, boss | 관리자, 팀장, 부서장, 상사; executive, director | 임원, 이사;
ceo, president | 대표이사, 사장; team | 팀; department, division | 부서, 사업부; team leader | 팀장, 조장;
foreman | 반장; head | 본부장, 부서장, 장; intern | 인턴; contractor | 협력업체, 도급, 계약직;
temporary | 임시; permanent, regular | 정규직, 정규; part-time | 시간제, 단시간;
colleague, coworker, peer | 동료; mentor | 멘토, 사수; probation, trial | 수습, 시용;
promotion, promote | 승진, 진급; transfer | 전보, 이동, 이관; resign, quit | 퇴사, 사직, 퇴직;
retire, retirement | 퇴직, 정년; dismiss, dismissal, fire | 해고; discipline, disciplinary | 징계;
warning | 경고; reward, award, prize | 포상, 상금; evaluation, appraisal, review | 평가, 심사, 검토;
performance | 성과, 실적, 성능; grade, rating | 등급; goal, target, objective | 목표; score | 점수;
salary, pay, wage | 급여, 임금, 월급; bonus | 상여, 상여금, 성과급; allowance | 수당; pension | 연금;
severance | 퇴직금; payroll | 급여; benefit, welfare | 복리후생, 복지; insurance | 보험; health | 건강;
medical | 의료, 진료; checkup, examination | 검진, 검사; tuition | 학비, 등록금; scholarship | 장학금;
loan | 대출, 융자; housing | 주택, 주거; club | 동호회; gym, fitness | 헬스장, 체력단련;
condo, resort | 콘도, 리조트; commute, commuting | 통근, 출퇴근; shuttle, bus | 버스, 셔틀;
parking, park | 주차; car, vehicle | 차량, 자동차, 자가용; bicycle, bike | 자전거;
meal, food | 식사, 식대, 식비, 식품; lunch | 점심, 중식; dinner | 저녁, 석식; breakfast | 아침, 조식;
cafeteria, canteen | 식당, 구내식당; coffee | 커피; work, working | 근무, 작업, 업무; hour | 시간, 시;
overtime | 연장근로, 초과근무, 야근, 잔업; night | 야간, 밤; night shift | 야간조; shift | 교대, 근무조;
attendance | 출근, 근태; absent, absence | 결근, 부재; late, tardy | 지각, 늦; early | 조기, 일찍;
break, rest | 휴게, 휴식; core hours | 공통 근무;
remote, telework, work from home, home | 재택, 재택근무, 집; flexible | 유연, 탄력; office | 사무소, 사무실;
headquarters, head office | 본사; branch | 지사, 지점; factory, plant | 공장; overseas, abroad | 해외, 국외;
domestic | 국내; site | 현장, 사이트; warehouse | 창고; shop floor | 현장, 생산 현장;
travel, trip, business trip | 출장; lodging, accommodation, hotel | 숙박, 숙박비, 호텔;
flight, airfare | 항공, 항공권; train | 열차, 기차, 교육; taxi | 택시;
mileage, fuel, gas | 유류비, 연료, 주유; toll | 통행료; per diem, daily | 일비, 일당, 매일;
economy class | 일반석, 이코노미; business class | 비즈니스석; expense, cost | 비용, 경비, 실비;
reimburse, reimbursement | 정산, 환급, 지급, 실비; receipt | 영수증; budget | 예산;
card, credit card | 카드, 법인카드; price | 가격, 단가; price list | 가격표; amount | 금액;
fee, charge | 수수료, 요금, 비용; tax | 세금; vat | 부가세, 부가가치세; won | 원; euro | 유로; dollar | 달러;
percent, percentage, rate | 퍼센트, 비율, 율; discount | 할인; margin | 마진, 이익률;
revenue, sales | 매출, 판매, 영업; profit | 이익; loss, damage | 손실, 손해, 손상;
invoice | 송장, 세금계산서, 청구서; payment, pay | 지급, 결제, 납부, 대금; deposit | 보증금, 예치;
refund | 환불; bank | 은행; account | 계정, 계좌; currency | 통화, 환율; quote, quotation | 견적;
order | 주문, 발주, 수주; purchase, buy | 구매, 구입, 매입; purchase order | 발주서, 구매 주문;
credit limit | 여신 한도; credit | 여신, 신용; customer, client | 고객, 거래처;
supplier, vendor | 공급업체, 납품업체, 거래처; distributor, dealer, reseller | 대리점, 총판;
partner | 협력사, 파트너; subcontract, subcontractor | 하도급, 수급, 협력업체;
contract, agreement | 계약, 계약서, 협약; clause, article | 조항, 조;
terminate, termination | 해지, 종료, 끝내; renew, renewal | 갱신, 연장; sign, signature | 서명, 날인;
notice | 통지, 공지, 예고; penalty, fine | 위약금, 벌금, 과태료; delay, delayed | 지연, 늦;
delivery, deliver | 납품, 배송, 인도; lead time, delivery date, due date | 납기;
shipment, ship, shipped | 출하, 발송, 선적; ship date | 출하일; stock, inventory | 재고;
complaint, claim | 클레임, 불만, 민원; compensation, compensate | 배상, 보상;
warranty, guarantee | 보증, 품질보증; repair | 수리; return | 반품, 반납, 반환;
exchange, replace, replacement | 교환, 교체; exhibition, fair, trade show | 전시회, 박람회;
visitor, guest | 방문객, 방문자, 손님; visit | 방문; booth, stand | 부스; campaign | 캠페인; market | 시장;
competitor | 경쟁사; approve, approval | 승인, 결재, 허가; approver | 승인자, 결재권자;
request, apply, application | 신청, 요청; application form, form | 신청서, 양식, 서식; submit | 제출;
permission, permit, allow | 허가, 허용, 허락, 권한; prohibit, forbid, forbidden, ban | 금지;
require, required, mandatory | 필수, 의무, 필요; exception | 예외; exempt | 면제; deadline, due | 기한, 마감;
period, term | 기간; limit, maximum, max, most | 한도, 최대, 상한, 제한; minimum, least | 최소, 하한, 적어도;
average | 평균; total | 총, 합계; day | 일, 하루; week | 주, 주일; month | 개월, 월, 달; year | 년, 해, 연;
minute | 분; second | 초; annual, yearly | 연간, 매년; monthly | 매월, 월간; weekly | 매주, 주간;
quarter | 분기; today | 오늘; tomorrow | 내일; monday | 월요일; tuesday | 화요일; wednesday | 수요일;
thursday | 목요일; friday | 금요일; saturday | 토요일; sunday | 일요일; weekend | 주말; january | 1월;
february | 2월; march | 3월; april | 4월; may | 5월; june | 6월; july | 7월; august | 8월; september | 9월;
october | 10월; november | 11월; december | 12월; morning | 오전, 아침; afternoon | 오후; noon | 정오;
evening | 저녁; half day | 반일, 반차; consecutive, in a row | 연속, 이어서;
in advance, ahead, beforehand | 미리, 사전, 전까지; current, valid, effective | 현행, 유효, 현재, 시행;
old, former, previous | 이전, 기존, 구; deprecated, obsolete, superseded, abolished | 폐지, 폐기;
new | 신규, 새; version | 버전, 판; revision, amend | 개정; policy | 정책, 방침;
rule, regulation | 규칙, 규정; guideline, guide | 지침, 가이드, 안내; handbook | 편람, 안내서;
manual, instructions | 설명서, 매뉴얼; standard | 표준, 기준; procedure, process | 절차, 공정, 처리;
document | 문서, 서류; report | 보고, 보고서; record, log | 기록, 로그; minutes, meeting minutes | 회의록;
list | 목록, 표; checklist | 점검표, 체크리스트; table | 표; meeting | 회의;
meeting room, conference room | 회의실; room | 방, 실; reserve, reservation, book, booking | 예약;
cancel, cancelled | 취소; attend, participant | 참석, 참가; schedule, plan | 일정, 계획; agenda | 안건;
training, education, course | 교육, 교육비, 강의, 과정, 연수; language | 외국어, 언어;
certificate, certification | 자격증, 인증, 성적서; exam, test | 시험; book | 도서, 책; learn | 학습;
onboarding | 온보딩; security | 보안; information security | 정보보안; password | 비밀번호, 암호;
login, log in, sign in | 로그인, 접속; authentication, mfa, two-factor | 인증, 이중 인증, 다단계;
lock | 잠금, 잠그, 자물쇠; screen | 화면; key | 키, 열쇠; token | 토큰;
encrypt, encrypted, encryption | 암호화; decrypt | 복호화; leak | 유출, 누출, 누설, 새;
confidential, secret | 기밀, 비밀, 대외비; classified | 분류;
personal data, privacy, personal information | 개인정보; consent | 동의;
retention, retain, keep, store | 보존, 보관, 저장; destroy, dispose, disposal | 파기, 폐기;
delete, erase | 삭제, 지우; cctv, camera, surveillance | 카메라, 영상, 감시; access | 접근, 접속, 출입;
entry, enter | 출입, 입장, 입력; badge, pass, id card | 출입증, 사원증, 명찰; key card | 카드키;
photo, photograph, picture | 사진, 촬영; escort | 동행, 안내; computer, pc | 컴퓨터, 피시;
laptop, notebook | 노트북; phone, mobile, smartphone | 전화, 휴대폰, 휴대전화, 핸드폰;
printer, print | 프린터, 인쇄, 출력; monitor | 모니터, 감시; keyboard | 키보드;
usb, media, medium | 매체, 저장 매체, 이동식; server | 서버; rack | 랙; server room | 서버실;
network | 네트워크, 망, 통신망; internet | 인터넷; intranet | 사내망; wifi, wi-fi, wireless | 와이파이, 무선;
vpn | 가상사설망; port | 포트; firewall | 방화벽; switch | 스위치; router | 공유기, 라우터; cloud | 클라우드;
database, db | 데이터베이스; backup, back up | 백업; restore, recover, recovery | 복구, 복원;
disk, storage | 디스크, 저장; file | 파일; folder, directory | 폴더; data | 데이터, 자료;
email, mail | 메일, 이메일; attachment | 첨부; message, messenger, chat | 메시지, 메신저;
reply, respond, answer, response | 답, 답변, 회신, 응답; ticket | 티켓, 문의;
help desk, helpdesk, support | 헬프데스크, 지원; extension | 내선; contact | 연락, 연락처; call | 전화, 호출;
incident, outage, failure | 장애, 사고, 고장; accident | 사고, 안전사고; error, fault | 오류, 에러, 고장;
alarm, alert | 알람, 경보, 경고; code | 코드, 부호; bug, defect | 버그, 결함, 불량;
cause, reason, why | 원인, 이유, 까닭, 때문; measure, action | 조치, 대책;
downtime, stopped, stop, halt | 중단, 정지, 멈추, 멈춤; restart, reboot | 재시작, 재기동, 다시 시작;
shut down, shutdown | 종료, 정지; update, upgrade | 갱신, 업데이트, 업그레이드; patch | 패치;
deploy, deployment, release | 배포, 릴리스, 출시; install, installation | 설치; software | 소프트웨어;
application, app | 앱, 애플리케이션, 응용; program | 프로그램; script | 스크립트; api | 인터페이스;
endpoint | 엔드포인트; parameter | 매개변수, 파라미터; setting, configuration, config | 설정;
default | 기본, 기본값; value | 값; event | 이벤트, 행사; request limit, rate limit | 요청 제한, 호출 한도;
timeout | 시간 초과, 타임아웃; session | 세션; connection, connect | 연결, 접속; disconnect | 끊기, 끊김;
user | 사용자, 이용자; administrator, admin | 관리자; role | 역할; dashboard | 대시보드;
gateway | 게이트웨이; sensor | 센서; queue | 대기열, 큐; buffer | 버퍼; offline | 오프라인, 끊기;
firmware | 펌웨어; interval | 간격, 주기; frequency, how often | 주기, 빈도, 자주; cycle | 주기, 사이클;
column, field | 항목, 열, 필드; status, state | 상태; line | 줄, 라인, 선; machine, machinery | 기계, 설비;
equipment, device | 장비, 설비, 기기, 장치; pump | 펌프; metering pump | 정량펌프; valve | 밸브;
motor | 모터, 전동기; diaphragm | 다이어프램, 격막; packaging, packing | 포장;
packaging machine, packer | 포장기; conveyor | 컨베이어, 벨트; robot | 로봇; nozzle | 노즐;
hose, tube | 호스, 튜브; pipe, piping | 배관, 파이프; tank | 탱크; bearing | 베어링; shaft | 축, 샤프트;
seal, sealing | 실링, 씰, 밀봉; gasket | 개스킷, 가스켓; filter | 필터, 여과; oil | 오일, 기름;
grease, lubricate, lubrication, lubricant | 윤활, 그리스; heater | 히터; oven | 오븐; knife, blade | 칼날;
spare part, part | 부품, 예비 부품, 자재; kit | 키트, 세트; screw, bolt | 나사, 볼트; tool | 공구, 도구;
cable | 케이블, 전선; battery | 배터리; power | 전원, 전력, 출력; electricity, electric, electrical | 전기;
voltage | 전압; current | 전류, 현재; insulation, insulation resistance | 절연, 절연 저항;
ground, grounding, earth | 접지; blackout, power failure, power cut | 정전; generator | 발전기; ups | 무정전;
pressure | 압력; temperature | 온도; water | 물, 수; air | 공기, 에어; steam | 증기; flow, flow rate | 유량;
level | 수위, 레벨, 준위; speed | 속도; weight | 중량, 무게; length | 길이; height | 높이; width | 폭, 너비;
distance, range | 거리, 범위; capacity | 용량; viscosity | 점도; density | 밀도; humidity | 습도;
noise | 소음; vibration | 진동; torque | 토크; accuracy, precision | 정확도, 정밀도;
tolerance, deviation | 허용, 편차, 오차, 공차; calibrate, calibration | 교정, 보정;
measure, measurement | 측정, 계측; gauge | 게이지; dose, dosing | 주입, 정량, 투입; litre, liter | 리터;
metre, meter | 미터; millimetre, millimeter | 밀리미터; centimetre, centimeter | 센티미터;
kilogram | 킬로그램; bar | 바; degree | 도; megohm | 메가옴; milliampere, milliamp | 밀리암페어;
piece, unit | 개, 대; maintenance, service | 정비, 보전, 유지보수, 점검; preventive | 예방;
inspect, inspection, check | 검사, 점검, 확인; outgoing inspection, final inspection | 출하 검사;
clean, cleaning, wash | 청소, 세척, 씻; sample, sampling | 표본, 샘플, 시료, 뽑; lot, batch | 로트, 배치;
quality | 품질; pass, accept, accepted | 합격; reject, fail | 불합격, 반려;
production, produce, manufacture | 생산, 제조; assembly, assemble | 조립; process step | 공정;
material | 자재, 재료, 소재; product, item | 제품, 품목; food | 식품, 음식; drawing, blueprint | 도면;
design | 설계, 디자인; development | 개발; research | 연구; prototype | 시제품;
specification, spec | 사양, 사양서, 규격; model | 모델, 모형, 기종;
start, begin, commissioning | 시작, 시운전, 개시; operation, operate | 운전, 가동, 조작, 운영;
operator | 작업자, 운전자; storage, long storage | 보관; warm up, preheat | 예열;
vent, bleed, venting | 배기, 공기 빼기; button | 단추, 버튼; emergency stop | 비상 정지;
display | 표시, 화면; explosion, explosion-proof, hazardous area | 방폭, 폭발; safety | 안전;
danger, hazard, dangerous | 위험; protective equipment, ppe | 보호구; glove | 장갑;
goggles, safety glasses | 보안경; helmet, hard hat | 안전모; safety shoes | 안전화;
injury, injured, hurt | 부상, 다치, 다친; first aid | 응급, 구급; nurse, infirmary | 보건실, 간호; eye | 눈;
hand | 손; finger | 손가락; skin | 피부; chemical | 화학, 약품, 약액; acid | 산, 염산, 황산;
hydrochloric acid | 염산; bleach, hypochlorite | 차아염소산, 락스; chlorine | 염소; gas | 가스;
poison, toxic | 독성, 유독; wash out, rinse | 씻, 헹구; splash | 튀; spill | 유출, 쏟;
waste | 폐기물, 쓰레기; recycle | 재활용; environment | 환경; fire | 화재, 불; fire alarm | 화재 경보;
extinguisher | 소화기; evacuate, evacuation | 대피;
assembly point, gather, muster | 집결, 모이, 모인, 대피 장소; emergency | 비상, 긴급; disaster | 재난, 재해;
earthquake | 지진; flood | 침수, 홍수; emergency contact | 비상연락망; control room, situation room | 상황실;
police | 경찰; ambulance | 구급차; forklift | 지게차; crane | 크레인; ladder | 사다리;
lockout, tagout | 잠금, 꼬리표; smoking, smoke | 흡연, 담배, 연기; alcohol, drinking | 음주, 술; drug | 약물;
weapon | 무기; harassment, bullying | 괴롭힘, 희롱; discrimination | 차별; law, legal | 법, 법률, 법무;
compliance | 준법, 준수; audit | 감사; whistleblower, internal report | 내부신고, 제보, 신고;
report, notify, inform | 신고, 보고, 알리, 통보; anonymous | 익명; investigate, investigation | 조사;
corruption, bribe, bribery | 부패, 뇌물; conflict of interest | 이해 충돌; nda, non-disclosure | 비밀유지;
export | 수출; export control | 수출 통제, 수출통제, 전략물자; import | 수입; customs | 통관, 관세;
licence, license | 허가, 면허, 라이선스; patent | 특허; trademark | 상표; copyright | 저작권;
intellectual property | 지식재산, 지적재산; lawsuit | 소송; government | 정부; country | 국가, 나라;
seoul | 서울; busan | 부산; incheon | 인천; daegu | 대구; daejeon | 대전; gwangju | 광주; ulsan | 울산;
suwon | 수원; cheonan | 천안; jeju | 제주; korea, korean | 한국, 국내, 국문;
usa, united states, america, american | 미국, 북미; north america | 북미; europe, european union, eu | 유럽;
china | 중국; japan | 일본; germany | 독일; netherlands | 네덜란드; rotterdam | 로테르담; austin | 오스틴;
texas | 텍사스; london | 런던; paris | 파리; berlin | 베를린; tokyo | 도쿄; beijing | 베이징;
shanghai | 상하이; hanoi | 하노이; singapore | 싱가포르; new york | 뉴욕; west | 서부, 서쪽;
east | 동부, 동쪽; gate | 문, 정문; floor | 층; building | 건물, 동; elevator | 승강기, 엘리베이터;
address | 주소; location, where, located | 위치, 장소;
foundation, founding, anniversary | 창립, 창립기념일, 설립; national holiday | 국경일;
lunar new year, seollal | 설날, 설; chuseok, thanksgiving | 추석; open, opening hours | 운영 시간, 열;
close, closing | 마감, 닫; carry over, carryover, roll over | 이월; expire, expiry | 만료, 소멸;
accrue | 발생, 쌓; grant, give, provide | 부여, 지급, 제공;
unused, left over, remaining | 남은, 미사용, 쓰지 못한; dress, clothing, uniform | 복장, 옷, 작업복;
desk | 책상, 자리; chair | 의자; locker | 사물함; parcel, package | 택배, 소포;
stationery, supplies | 문구, 비품, 소모품; asset | 자산; lease, rent, rental | 임대, 임차, 대여;
borrow, lend | 대여, 빌리, 빌려; take out, carry out | 반출; bring in | 반입; lose, lost | 분실, 잃어;
theft, steal, stolen | 도난, 훔치; found | 습득; increase, raise | 인상, 증가, 올리;
decrease, reduce, lower | 감소, 인하, 줄이, 낮추; add | 추가, 더하; remove | 제거, 제외;
change | 변경, 바꾸, 바뀌; choose, select | 선택, 고르; use | 사용, 이용, 쓰; send | 보내, 전송, 송부;
receive | 받, 수신, 수령; wait | 기다, 대기; check in | 입실, 체크인; register, registration | 등록;
confirm, confirmation | 확인; write | 작성, 쓰; read | 읽; share | 공유; first | 첫, 최초, 1차;
last | 마지막, 최종; next | 다음; double, twice | 두 배, 두 번; half | 절반, 반;
free, free of charge | 무료, 무상; paid | 유급, 유료; unpaid | 무급; full | 전액, 전부; partial | 일부;
extra, additional | 추가; group | 그룹, 조; public | 공용, 공개, 공공; internal | 사내, 내부;
external, outside | 외부, 사외; responsible, person in charge, owner | 담당, 담당자, 책임자;
disabled, deactivated | 비활성, 중지, 장애; enable | 활성, 허용; automatic, automatically | 자동;
manual, manually | 수동; temporary password | 임시 비밀번호; password length | 비밀번호 길이;
character | 글자, 문자, 자; digit | 자리, 숫자; number | 번호, 수, 숫자;
serial, serial number | 일련번호, 제조번호; name | 이름, 성명; phone number | 전화번호;
signature block | 서명란; colour, color | 색, 색상; red | 빨간, 적색; green | 초록, 녹색;
yellow | 노란, 황색; blue | 파란, 청색
"""
"""One meaning each: English words or phrases, a bar, Korean ones. Verbs and adjectives by their unchanging part."""

Phrase = tuple[str, ...]
"""Keywords that say something together."""


def english(phrase: str) -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]] | None:
    """Return the English synonyms and the Korean translations of stems joined by spaces; ``None``: not known."""
    return _tables()[0].get(phrase)


def korean(word: str) -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]] | None:
    """Return the Korean synonyms and the English translations of a word; ``None``: not known."""
    return _tables()[1].get(word)


def longest_korean() -> int:
    """Return the length of the longest Korean word."""
    return max(map(len, _tables()[1]))


Entries = dict[str, tuple[tuple[Phrase, ...], tuple[Phrase, ...]]]


@functools.cache
def _tables() -> tuple[Entries, Entries]:
    from_english: dict[str, tuple[dict[Phrase, None], dict[Phrase, None]]] = {}
    from_korean: dict[str, tuple[dict[Phrase, None], dict[Phrase, None]]] = {}
    for pair in PAIRS.replace("\n", " ").split(";"):
        left, _bar, right = pair.partition("|")
        stems = [stems_of(word) for word in left.split(",")]
        words = [" ".join(word.split()) for word in right.split(",")]
        latin = [tuple(word for word in words_ if word not in COMMON) for words_ in stems]
        hangul = [tuple(bigrams(word.replace(" ", ""))) for word in words]
        for key, own in zip((" ".join(one) for one in stems), latin, strict=True):
            _add(from_english, key, own, latin, hangul)
        for key, own in zip(words, hangul, strict=True):
            _add(from_korean, key, own, hangul, latin)
    return _frozen(from_english), _frozen(from_korean)


def _add(
    table: dict[str, tuple[dict[Phrase, None], dict[Phrase, None]]],
    key: str,
    own: Phrase,
    same: list[Phrase],
    other: list[Phrase],
) -> None:
    entry = table.setdefault(key, ({}, {}))
    entry[0].update((phrase, None) for phrase in same if phrase and phrase != own)
    entry[1].update((phrase, None) for phrase in other if phrase)


def _frozen(table: dict[str, tuple[dict[Phrase, None], dict[Phrase, None]]]) -> Entries:
    return {key: (tuple(same), tuple(other)) for key, (same, other) in table.items() if key}


def stems_of(text: str) -> list[str]:
    """Return the stems of English words, common ones included."""
    return [stem(word) for word in re.findall(r"[a-z0-9]+", text.casefold())]
