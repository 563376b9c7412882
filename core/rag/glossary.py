"""Workplace words in English and Korean: search by words reaches synonyms, and documents in the other language.

General vocabulary of offices, personnel, money, machines, computers and law. It was written after reading the
training questions of the sample set (not the test questions), so figures on the training split flatter it.
"""

from __future__ import annotations

import functools
import re

from core.rag.conjugate import forms
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
overtime | 연장근로, 초과근무, 야근; night | 야간, 밤; night shift | 야간조; shift | 교대, 근무조;
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
china | 중국; japan | 일본; germany | 독일; netherlands | 네덜란드;
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
borrow, lend | 대여, 빌리, 빌려; take out, carry out | 반출; bring in | 반입; lose, lost | 분실, 잃;
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
yellow | 노란, 황색; blue | 파란, 청색; money, cash, fund | 돈, 금액, 현금, 자금;
cheap, inexpensive | 싼, 저렴; expensive, costly | 비싸, 고가; spend, spending | 쓰, 지출, 사용;
earn | 벌, 받; cost, price, worth | 값, 가격, 비용; pay raise, raise | 인상, 승급;
rest, take time off, time off, off | 쉬, 쉴, 휴무, 휴가;
quit, leave the company, resignation | 그만두, 관두, 퇴사, 퇴직;
join, joined, start date | 입사, 들어오, 합류; company, firm, corporation | 회사, 기업, 당사;
business, operations | 사업, 영업, 업무; subsidiary, affiliate | 계열사, 자회사; industry | 업계, 업종, 산업;
sick, ill, unwell, illness | 아프, 몸살, 질병, 병가; doctor, hospital, clinic | 병원, 의사, 의료기관;
medicine, medication | 약, 의약품; note, certificate | 진단서, 확인서, 증명서;
pregnant, pregnancy | 임신, 임산부; baby, newborn, infant | 아기, 신생아, 출생; surgery, operation | 수술;
broken, break, breaks, malfunction, out of order | 고장, 망가, 파손, 깨지;
fix, mend, repair | 고치, 수리, 정비, 복구; replace, swap, substitute, change | 교체, 교환, 바꾸, 갈아;
worn, wear, wear out | 마모, 닳; stuck, jam, jammed | 끼임, 걸리, 막히; leak, leaking, drip | 새, 누수, 누출;
loose | 풀리, 느슨; tighten | 조이, 죄; crack, cracked | 균열, 금; begin, commence, start | 시작, 개시, 착수;
end, finish, complete, completion | 끝, 완료, 종료, 마치; open, opening | 열, 개방, 개장;
close, shut | 닫, 폐쇄; stop, cease, suspend | 멈추, 중지, 중단, 정지; continue, keep | 계속, 유지;
resume | 재개; before, prior, ahead | 전, 사전, 앞서; after, following, afterwards | 후, 뒤, 이후;
during, while, within | 동안, 중, 이내, 안에; between | 사이, 간; until, by | 까지; since, from | 부터;
soon, immediately, at once, right away, promptly | 즉시, 바로, 곧, 지체; later | 나중, 추후;
again | 다시, 재; once | 한 번, 1회; always | 항상, 언제나; never | 절대, 결코;
more than, over, above, exceed, exceeding | 초과, 넘, 이상; less than, under, below | 미만, 이하, 밑;
at least, no less than | 이상, 적어도, 최소; up to, at most, no more than | 이하, 최대, 까지;
exactly | 정확히, 꼭; about, approximately, roughly | 약, 대략; equal, same | 같, 동일;
different, differ, difference | 다르, 차이; compare, comparison, versus | 비교, 대비;
big, large | 크, 대형, 큰; small, little | 작, 소형, 작은; long | 길, 긴, 장기; short | 짧, 단기;
heavy | 무거, 무게; light | 가벼, 조명, 등; fast, quick, quickly, rapid | 빠르, 신속, 빨리;
slow, slowly | 느리, 천천; hot, heat | 뜨거, 열, 고온; cold | 차가, 냉, 저온; warm | 따뜻, 예열;
wet, moisture | 젖, 습기; dry | 건조, 마르; clean | 깨끗, 청결, 청소;
dirty, dirt, contamination | 더러, 오염, 이물; empty | 비우, 비어, 빈; full | 가득, 만;
go, attend, come | 가, 참석, 오; move, relocate, relocation | 이동, 이사, 옮기;
carry, bring | 가져, 지참, 반입; take, remove | 꺼내, 가져가, 반출; put, place | 놓, 두, 넣;
keep, store, save | 보관, 저장, 두; throw away, discard, dispose | 버리, 폐기, 처분;
look, see, view | 보, 조회, 열람; find, search, look for | 찾, 검색; show, display | 보이, 표시, 제시;
tell, inform, notify, let know | 알리, 통지, 말하; ask, enquire, inquire, inquiry | 묻, 문의, 질문;
answer, reply | 답하, 회신; talk, speak, discuss, discussion | 이야기, 논의, 협의, 상담;
explain, explanation | 설명; decide, decision | 결정, 정하; agree | 동의, 합의;
refuse, decline, deny | 거부, 거절; allow, let, permit | 허용, 가능, 허락;
may not, must not, not allowed | 금지, 안 된, 불가; help, assist, assistance | 돕, 지원, 도움;
need, necessary | 필요, 요구; want, wish | 원하, 희망; try, attempt | 시도, 시험;
fail, failed | 실패, 불합격; succeed, success | 성공; happen, occur | 발생, 일어나;
cause, lead to | 원인, 일으키; prevent, avoid | 예방, 방지, 막; protect, protection | 보호;
check, verify | 확인, 점검, 검증; count | 세, 집계; calculate, computation | 계산, 산정;
estimate | 추정, 예상, 견적; expect, forecast | 예상, 전망; split, divide, share | 나누, 분할, 공유;
combine, merge | 합치, 통합; copy, duplicate | 복사, 사본; print | 인쇄, 출력; scan | 스캔, 검사;
upload | 업로드, 올리; download | 다운로드, 내려받; turn on, switch on | 켜; turn off, switch off | 끄, 끈;
press, push | 누르, 눌러; pull | 당기, 뽑; connect, attach | 연결, 붙이, 접속; separate, detach | 분리, 떼;
people, person, someone, anyone, individual | 사람, 인원, 개인, 명; headcount, number of people | 인원, 정원;
member | 구성원, 회원; owner | 소유자, 담당자; author, written by, writer | 작성자, 저자; buyer | 구매자;
user | 사용자; candidate, applicant | 지원자, 후보; female, women | 여성, 여자; male, men | 남성, 남자;
age, old | 나이, 연령, 세; student | 학생; teacher, instructor, lecturer, trainer | 강사;
guard, security guard | 경비; driver | 기사, 운전자; technician, engineer | 기술자, 엔지니어;
sales person, sales | 영업, 영업사원; finance, accounting | 재무, 회계, 경리;
hr, human resources | 인사, 인사팀; it | 전산, 정보기술; legal team | 법무팀;
general affairs, administration | 총무, 관리; procurement, purchasing | 구매팀, 조달;
quality team, qa | 품질팀, 품질보증; r&d, research and development | 연구소, 연구개발;
board | 이사회, 위원회; committee | 위원회; union | 노조, 노동조합; house, home | 집, 자택, 주택;
cafe, coffee shop | 카페, 커피숍; restaurant | 식당, 음식점; store, shop | 매장, 가게; school | 학교;
university, college | 대학, 대학교; graduate school | 대학원; road, street | 도로, 길;
station, subway, metro | 역, 지하철, 전철; airport | 공항; port, harbour | 항구, 항만;
public transport, public transit | 대중교통; ticket | 표, 승차권, 티켓; seat | 좌석, 자리;
map, route | 지도, 노선, 경로; stop | 정류장, 정류소; kilometre, kilometer, km | 킬로미터;
lobby, reception | 로비, 안내 데스크, 접수; toilet, restroom, bathroom | 화장실;
kitchen, pantry | 탕비실, 주방; roof, rooftop | 옥상, 지붕; basement | 지하; garden | 정원, 화단;
smoking area | 흡연 구역, 흡연실; lounge | 휴게실; stairs | 계단; door | 문, 출입문; window | 창, 창문;
wall | 벽; ceiling | 천장; corridor, aisle | 통로, 복도; week 1, first week | 첫 주, 1주차;
working day, business day, workday | 영업일, 근무일; calendar day | 역일;
fiscal year, financial year | 회계연도; first half | 상반기; second half | 하반기;
year-end, end of year | 연말; new year | 새해, 신년; summer | 여름, 하계; winter | 겨울, 동계;
peak season, high season | 성수기; off season | 비수기; date | 날짜, 일자; time | 시간, 시각;
every | 매, 마다; daily, every day | 매일; hourly | 매시간;
duration, length of time, how long | 기간, 동안, 시간; overnight | 밤새, 1박; night, nights | 박, 야간, 밤;
rule, must, obligation, obliged | 의무, 해야, 규정; right, entitled, entitlement | 권리, 자격, 대상;
eligible, eligibility, qualify | 대상, 자격, 해당; condition, terms | 조건;
basis, criteria, criterion | 기준, 근거; purpose, aim | 목적; scope | 범위, 적용;
definition, mean, meaning, stand for | 정의, 뜻, 의미; example | 예, 예시;
detail, details | 상세, 세부, 내용; summary | 요약, 개요; background | 배경; result, outcome | 결과;
effect, impact | 영향, 효과; problem, issue, trouble | 문제, 이슈, 장애;
solution, remedy, countermeasure | 해결, 대책, 조치; lesson, lessons learned | 교훈;
next step, action item | 후속 조치, 할 일; risk | 위험, 리스크; opportunity | 기회;
change, amendment, revise | 변경, 개정, 수정; draft | 초안; final | 최종, 확정; original | 원본;
attached, enclosure | 첨부, 별첨; appendix, annex | 부칙, 별표, 부록; signature | 서명, 날인;
seal, stamp | 도장, 직인, 날인; witness | 증인, 입회; proof, evidence | 증빙, 증거, 증명;
statement | 진술, 명세서; survey, questionnaire | 설문, 조사; vote | 투표;
announcement, announce | 공지, 발표, 공고; newsletter | 소식지; website, homepage | 홈페이지, 웹사이트;
link, url | 링크, 주소; page | 페이지, 쪽; title | 제목, 직함; language | 언어;
translation, translate | 번역; english | 영어, 영문; korean language | 한국어, 국문;
speed limit | 제한 속도, 속도; driving, drive | 운전, 주행; licence plate, plate number | 차량 번호;
electric car, electric vehicle, ev | 전기차; charging, charger, charge | 충전, 충전기; garage | 차고, 주차장;
helmet | 헬멧, 안전모; mask | 마스크, 방진; ear protection, earplug | 귀마개; apron | 앞치마;
rain | 비, 우천; snow | 눈, 폭설; typhoon, storm | 태풍; heat wave | 폭염; smoke detector | 화재 감지기;
spark | 불꽃, 스파크; flammable | 인화, 가연; cylinder | 실린더, 통;
container, drum, bucket | 용기, 통, 드럼; bottle | 병; box, carton | 상자, 박스, 카톤; pallet | 팔레트;
label, sticker | 라벨, 표지, 스티커; film, foil | 필름, 포장지; glue, adhesive | 접착, 풀;
suction cup | 흡착 컵, 흡착; infeed, feed | 투입, 공급; outfeed, discharge | 토출, 배출;
inlet, suction | 흡입, 입구; outlet | 토출구, 출구; head | 헤드, 머리; guide rail, rail | 레일, 가이드;
gear, gearbox | 기어, 감속기; coupling | 커플링, 이음; spring | 스프링, 용수철; switch | 스위치, 개폐기;
relay | 릴레이; fuse | 퓨즈; cable, wire, wiring | 배선, 전선, 케이블; terminal | 단자, 단말기;
controller, control | 제어, 제어기, 통제; panel | 패널, 판; encoder | 엔코더; radar | 레이더; signal | 신호;
output | 출력; input | 입력; range | 범위, 폭; resolution | 분해능, 해상도;
repeatability | 반복 정밀도, 반복성; offset, zero point | 영점, 오프셋; drift | 편차, 드리프트;
test, trial run | 시험, 시운전, 테스트; mode | 모드, 방식; step, stage | 단계, 공정; recipe | 배합, 레시피;
stroke | 행정, 스트로크; rotation, rpm | 회전, 분당; cycle time | 사이클 타임, 주기; yield | 수율;
defect rate | 불량률; rework | 재작업; scrap | 폐기, 스크랩;
shift change, handover, hand over | 인계, 교대, 인수인계; work order | 작업 지시, 생산 지시;
work instruction, standard operating procedure | 작업표준서, 작업 표준, 표준;
username, user id | 아이디, 사용자 이름; reset | 초기화, 재설정; forgot, forget | 잊, 분실;
locked, lockout | 잠기, 잠금; expire, expired, validity | 만료, 유효 기간;
fingerprint, biometric | 지문, 생체; one-time code, otp | 일회용, 인증 번호;
malware, virus, ransomware | 악성코드, 바이러스, 랜섬웨어; phishing, suspicious mail | 피싱, 의심 메일;
spam | 스팸; hacking, attack, breach | 해킹, 공격, 침해; permission, privilege | 권한;
remote access | 원격 접속; desktop | 바탕화면, 데스크톱; browser | 브라우저, 웹; operating system | 운영체제;
memory | 메모리, 기억; storage space, free space | 용량, 공간, 여유; slow | 느리, 지연;
crash | 중단, 다운, 멈춤; log file | 로그; query | 조회, 질의; table, row, record | 행, 레코드, 표;
schema | 스키마; replica, standby | 복제, 예비, 대기; primary | 주, 운영; snapshot | 스냅숏, 스냅샷;
migration | 이전, 이관; test environment, staging | 시험 환경, 스테이징; production environment | 운영 환경;
rollback, roll back | 롤백, 되돌리; retry, retries | 재시도; limit, quota, cap | 한도, 제한, 할당;
header | 헤더; webhook | 웹훅; callback | 콜백; status code | 상태 코드; notification | 알림, 통보;
subscription, subscribe | 구독; threshold | 임계, 기준값; dashboard | 현황판, 대시보드;
on-call, on duty, standby duty | 당직, 온콜, 대기; escalate, escalation | 상향 보고, 에스컬레이션;
maintenance window | 점검 시간, 작업 시간; uptime, availability | 가용, 가동률; root cause | 근본 원인, 원인;
workaround | 임시 조치, 우회; resolved, solve | 해결, 복구; affected | 영향, 피해;
won by, order intake, bookings | 수주; target, quota | 목표; pipeline, lead | 잠재 고객, 리드, 기회;
proposal | 제안, 제안서; negotiation, negotiate | 협상; tender, bid | 입찰; gold | 골드, 금;
silver | 실버, 은; commission | 수수료, 커미션; volume | 물량, 수량, 부피; quantity | 수량, 개수;
unit price | 단가; list price | 정가, 표준 가격; free shipping, freight | 운임, 운송비; incoterm | 인도 조건;
credit period, payment terms | 결제 조건, 여신 기간; overdue, late payment | 연체, 미수;
exclusive, exclusivity | 독점; territory, region, area | 지역, 구역; market share | 점유율;
sample | 샘플, 견본; demo, demonstration | 시연, 데모; brochure, catalogue, catalog | 카탈로그, 브로슈어;
business card | 명함; follow up, follow-up | 후속, 사후; satisfaction | 만족;
response time, how quickly | 응답 시간, 회신; on-site, on site | 현장, 출장; spare | 예비;
labour, labor | 노무, 인건비, 공임; free of charge, at no cost | 무상, 무료; void, invalid | 무효;
cover, covered, coverage | 보증, 적용, 보장; exclude, excluded, exclusion | 제외;
liability, liable | 책임, 배상; indemnity | 면책, 배상; confidentiality period | 비밀유지 기간;
governing law | 준거법; arbitration | 중재; subcontract payment | 하도급 대금; written | 서면;
oral, verbal | 구두; dual-use | 이중 용도, 전략물자; embargo, sanction, sanctioned | 제재, 금수;
end user | 최종 사용자; technology transfer | 기술 이전, 기술 유출; data subject | 정보주체;
third party | 제3자; outsource, outsourcing, processor | 위탁, 수탁; overseas transfer | 국외 이전;
pseudonymised, anonymised | 가명, 익명; breach notification | 유출 통지, 유출 신고;
video, footage, recording | 영상, 녹화; personnel file | 인사 기록; tax document | 세무 자료, 세금
"""
"""One meaning each: English words or phrases, a bar, Korean ones. Verbs and adjectives by their unchanging part."""

STEMS = frozenset(
    re.findall(
        r"\S+",
        "아프 늦 씻 튀 헹구 쏟 새 다치 잃 빌리 훔치 올리 줄이 낮추 더하 고르 쓰 보내 받 바꾸 바뀌 알리 끝내 지우 끊기"
        " 멈추 잠그 누르 뽑 당기 모이 그만두 관두 들어오 깨지 닳 걸리 막히 풀리 조이 죄 열 닫 넘 빠르 느리 젖 마르 비우"
        " 꺼내 옮기 놓 두 넣 버리 찾 보이 말하 묻 답하 정하 돕 원하 막 세 나누 합치 붙이 떼 켜 끄 비싸 벌 쉬 마치"
        " 일으키 일어나 내려받 잊 잠기 되돌리 고치",
    )
)
"""Korean words of :data:`PAIRS` that are stems of verbs and adjectives."""

Phrase = tuple[str, ...]
"""Keywords that say something together."""


def english(phrase: str) -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]] | None:
    """Return the English synonyms and the Korean translations of stems joined by spaces; ``None``: not known."""
    return _tables()[0].get(phrase)


def korean(word: str) -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]] | None:
    """Return the Korean synonyms and the English translations of a word; ``None``: not known."""
    return _tables()[1].get(word)


@functools.cache
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
        inflected = [(word, forms(word) if word in STEMS else [word]) for word in words]
        hangul = [
            tuple(bigrams(form.replace(" ", ""))) for _word, all_forms in inflected for form in all_forms
        ]
        for key, own in zip((" ".join(one) for one in stems), latin, strict=True):
            _add(from_english, key, own, latin, hangul)
        for word, all_forms in inflected:
            for key in dict.fromkeys([word, *all_forms]):
                _add(from_korean, key, tuple(bigrams(key.replace(" ", ""))), hangul, latin)
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
