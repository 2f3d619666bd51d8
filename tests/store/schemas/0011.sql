PRAGMA user_version = 11;
BEGIN TRANSACTION;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail))
);
INSERT INTO "audit" VALUES(1,1.79564497744300031667e+09,'operator:root','user.added','bob','unix','ab57579dea4dd07e','{"role":"member"}');
INSERT INTO "audit" VALUES(2,1.79564497911565589902e+09,'operator:root','user.added','ada','unix','1ea572ec0c8bcb5c','{"role":"admin"}');
INSERT INTO "audit" VALUES(3,1.79564497993039488788e+09,'ada','login','ada','127.0.0.1','06eb18b7be5c2efe','{"session":"eae0878cd0cf0e65aac632c6"}');
INSERT INTO "audit" VALUES(4,1.79564498066666126249e+09,'bob','login','bob','127.0.0.1','86fbf03079ec9427','{"session":"bd4c36b2854ebd3d1016e1f7"}');
INSERT INTO "audit" VALUES(5,1.79564498125236606603e+09,'ada','repository.added','tools','127.0.0.1','74fce30f30779b3f','{"remote":"/srv/git/tools","branches":[]}');
INSERT INTO "audit" VALUES(6,1.79564498196691465373e+09,'ada','repository.added','site','127.0.0.1','2aac26d914324156','{"remote":"/srv/git/site","branches":[]}');
INSERT INTO "audit" VALUES(7,1.79564498272457885737e+09,'ada','repository.added','gone','127.0.0.1','ff1e1202b116b221','{"remote":"/srv/git/gone","branches":[]}');
INSERT INTO "audit" VALUES(8,1.79564498348035287856e+09,'ada','repository.added','slow','127.0.0.1','05ea24478efac214','{"remote":"/srv/git/slow","branches":[]}');
INSERT INTO "audit" VALUES(9,1.79564498599933123593e+09,'ada','job.cancelled','01a214c8-0f6a-76d8-9804-bc4d502c638a','127.0.0.1','fb32bd67ff777b8a','{"repository":"slow","requesters":["bob"],"reason":"wrong one"}');
CREATE TABLE credential (
    repository_id INTEGER PRIMARY KEY REFERENCES repository (repository_id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'password', 'ssh-key')),
    authority TEXT NOT NULL,
    set_at REAL NOT NULL,
    set_by TEXT NOT NULL,
    fingerprint TEXT CHECK ((fingerprint IS NOT NULL) = (kind = 'ssh-key')),
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL CHECK (typeof(sealed) = 'blob')
);
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    repository TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL CHECK (json_valid(data)),
    UNIQUE (job_id, seq)
);
INSERT INTO "event" VALUES(1,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',1,1.79564498359412431718e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(2,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',2,1.79564498363488054275e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(3,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',3,1.79564498369329667093e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":1.7,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:23.693Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(4,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',4,1.79564498387066864967e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":7.0,"message":"asking the remote"}');
INSERT INTO "event" VALUES(5,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',5,1.79564498392651772503e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":47.6,"message":"receiving objects: 3 of 3 objects, 209 B"}');
INSERT INTO "event" VALUES(6,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',6,1.79564498401474714282e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":54.6,"message":"receiving objects: 3 of 3 objects, 209 B","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:23.693Z","finished_at":"2026-11-25T22:16:24.014Z","duration_seconds":0.321,"counters":{"objects_received":3,"bytes_received":209}}}');
INSERT INTO "event" VALUES(7,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',7,1.7956449840900690555e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":61.0,"message":"receiving objects: 3 of 3 objects, 209 B"}');
INSERT INTO "event" VALUES(8,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',8,1.79564498411980867382e+09,'phase_started','{"status":"running","phase":"diff","progress_percentage":64.6,"message":"working out what changed","phase_record":{"name":"diff","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:24.119Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(9,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',9,1.79564498413039064401e+09,'phase_completed','{"status":"running","phase":"diff","progress_percentage":70.7,"message":"working out what changed","phase_record":{"name":"diff","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:24.119Z","finished_at":"2026-11-25T22:16:24.130Z","duration_seconds":0.011,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1}}}');
INSERT INTO "event" VALUES(10,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',10,1.79564498413715982437e+09,'phase_started','{"status":"running","phase":"index","progress_percentage":71.0,"message":"indexing","phase_record":{"name":"index","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:24.137Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(11,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',11,1.79564498415029811856e+09,'progressed','{"status":"running","phase":"index","progress_percentage":72.8,"message":"indexing: 1 of 1 files, 15 B"}');
INSERT INTO "event" VALUES(12,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',12,1.79564498421876120566e+09,'phase_completed','{"status":"running","phase":"index","progress_percentage":79.5,"message":"indexing: 1 of 1 files, 15 B","phase_record":{"name":"index","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:24.137Z","finished_at":"2026-11-25T22:16:24.218Z","duration_seconds":0.082,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1}}}');
INSERT INTO "event" VALUES(13,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',13,1.79564498422336697573e+09,'phase_started','{"status":"running","phase":"validate","progress_percentage":79.6,"message":"checking the new index","phase_record":{"name":"validate","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:24.223Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(14,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',14,1.79564498431736087801e+09,'phase_completed','{"status":"running","phase":"validate","progress_percentage":93.1,"message":"checking the new index","phase_record":{"name":"validate","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:24.223Z","finished_at":"2026-11-25T22:16:24.317Z","duration_seconds":0.094,"counters":{"checked_blobs":1,"checked_entries":1}}}');
INSERT INTO "event" VALUES(15,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',15,1.79564498433462452894e+09,'publish_started','{"status":"running","phase":"validate","progress_percentage":93.1,"message":"checking the new index"}');
INSERT INTO "event" VALUES(16,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',16,1.7956449843879036904e+09,'phase_started','{"status":"running","phase":"publish","progress_percentage":93.7,"message":"publishing","phase_record":{"name":"publish","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:24.387Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(17,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',17,1.79564498444253706939e+09,'phase_completed','{"status":"running","phase":"publish","progress_percentage":97.5,"message":"publishing","phase_record":{"name":"publish","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:24.387Z","finished_at":"2026-11-25T22:16:24.442Z","duration_seconds":0.055,"counters":{"branches":1,"entries":1}}}');
INSERT INTO "event" VALUES(18,'01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools',18,1.79564498450056934356e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"the index is up to date","outcome":"updated","summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"skipped_by_reason":{},"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"objects_received":3,"bytes_received":209}}');
INSERT INTO "event" VALUES(19,'01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools',1,1.79564498467567157749e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(20,'01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools',2,1.79564498469418144226e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(21,'01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools',3,1.79564498476247262951e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":9.3,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:24.762Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(22,'01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools',4,1.79564498482603025438e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":32.5,"message":"asking the remote","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:16:24.762Z","finished_at":"2026-11-25T22:16:24.826Z","duration_seconds":0.064,"counters":{}}}');
INSERT INTO "event" VALUES(23,'01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools',5,1.79564498483850789071e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"up to date","outcome":"unchanged","summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}}}');
INSERT INTO "event" VALUES(24,'01a214c8-0e77-736f-9604-43aab6793407',3,'gone',1,1.79564498495159745221e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(25,'01a214c8-0e77-736f-9604-43aab6793407',3,'gone',2,1.79564498495985054972e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(26,'01a214c8-0e77-736f-9604-43aab6793407',3,'gone',3,1.79564498500536060335e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":1.3,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:25.005Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(27,'01a214c8-0e77-736f-9604-43aab6793407',3,'gone',4,1.79564498506899809836e+09,'failed','{"status":"failed","phase":null,"progress_percentage":1.3,"message":"the remote repository does not exist","error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false,"docs":"docs/faults.md#remote-not-found"}}');
INSERT INTO "event" VALUES(28,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',1,1.79564498519496035583e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(29,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',2,1.79564498521828055377e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(30,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',3,1.79564498526289081578e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":1.3,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:25.262Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(31,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',4,1.79564498548622345931e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":7.9,"message":"asking the remote"}');
INSERT INTO "event" VALUES(32,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',5,1.7956449857376627922e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":13.3,"message":"asking the remote"}');
INSERT INTO "event" VALUES(33,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',6,1.79564498599932456015e+09,'cancel_requested','{"status":"running","phase":"fetch","progress_percentage":13.3,"message":"asking the remote","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(34,'01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow',7,1.79564498604903483394e+09,'cancelled','{"status":"cancelled","phase":null,"progress_percentage":13.3,"message":"cancelled by ada","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(35,'01a214c8-135d-74a6-8ed7-cef43874d1ba',2,'site',1,1.7956449862052414417e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(36,'01a214c8-135d-74a6-8ed7-cef43874d1ba',2,'site',2,1.79564498621213889124e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(37,'01a214c8-135d-74a6-8ed7-cef43874d1ba',2,'site',3,1.79564498622390508655e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.3,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:16:26.223Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(38,'01a214c8-1398-76d7-a0c5-e0ba4e6f3c9e',4,'slow',1,1.79564498626442694663e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(39,'01a214c8-13d6-7666-8961-1e1477bff943',1,'tools',1,1.79564498633431816098e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
CREATE TABLE idempotency_key (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    job_id TEXT NOT NULL,
    created_at REAL NOT NULL, joined INTEGER NOT NULL DEFAULT 0 CHECK (joined IN (0, 1)),
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
INSERT INTO "idempotency_key" VALUES('ada','nightly-1','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214c8-0925-749b-8017-c9dc1352cbf5',1.79564498359412431718e+09,0);
INSERT INTO "idempotency_key" VALUES('ada','nightly-2','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214c8-13d6-7666-8961-1e1477bff943',1.79564498633431816098e+09,0);
CREATE TABLE incident (
    host TEXT PRIMARY KEY,
    body TEXT NOT NULL CHECK (json_valid(body))
) WITHOUT ROWID;
CREATE TABLE job (
    job_id TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL,
    repository TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    outcome TEXT CHECK (outcome IN ('updated', 'unchanged')),
    returned INTEGER NOT NULL CHECK (returned IN (0, 1)),
    created_at REAL NOT NULL,
    finished_at REAL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    body TEXT NOT NULL CHECK (json_valid(body)), started_at REAL, files_indexed INTEGER, bytes_indexed INTEGER, estimate_ratio REAL, message TEXT,
    CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CHECK ((outcome IS NOT NULL) = (status = 'completed'))
) WITHOUT ROWID;
INSERT INTO "job" VALUES('01a214c8-0925-749b-8017-c9dc1352cbf5',1,'tools','ada','completed','updated',0,1.79564498359412431718e+09,1.79564498450056934356e+09,18,'{"job_id":"01a214c8-0925-749b-8017-c9dc1352cbf5","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795644983.5941243,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"updated","phase":null,"progress":100.0,"message":"the index is up to date","started_at":1795644983.6348805,"finished_at":1795644984.5005693,"returned":false,"is_first":true,"is_new":true,"guesses":[],"estimate_ratio":0.607,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":null,"fetched":"589ce634a128bc6e52b0d67ad586d31168b11837","indexed":"589ce634a128bc6e52b0d67ad586d31168b11837","is_default":true}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795644983.6932967,"finished_at":1795644984.0147471,"counters":{"objects_received":3,"bytes_received":209},"steps":[{"name":"receiving objects","started_at":1795644983.9265177,"at":1795644983.9265177,"done":3,"total":3,"bytes":209}],"earlier":[]},{"name":"diff","status":"completed","fraction":1.0,"started_at":1795644984.1198087,"finished_at":1795644984.1303906,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1},"steps":[],"earlier":[]},{"name":"index","status":"completed","fraction":1.0,"started_at":1795644984.1371598,"finished_at":1795644984.2187612,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1},"steps":[{"name":"","started_at":1795644984.150298,"at":1795644984.150298,"done":1,"total":1,"bytes":15}],"earlier":[]},{"name":"validate","status":"completed","fraction":1.0,"started_at":1795644984.223367,"finished_at":1795644984.3173609,"counters":{"checked_blobs":1,"checked_entries":1},"steps":[],"earlier":[]},{"name":"publish","status":"completed","fraction":1.0,"started_at":1795644984.3879037,"finished_at":1795644984.442537,"counters":{"branches":1,"entries":1},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"skipped_by_reason":{},"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"objects_received":3,"bytes_received":209},"usage":{"fetch":{"cpu_seconds":0.019187,"peak_rss_bytes":4452352,"read_bytes":0,"written_bytes":16384},"diff":{"cpu_seconds":0.007662,"peak_rss_bytes":21319680,"read_bytes":0,"written_bytes":0},"index":{"cpu_seconds":0.023862,"peak_rss_bytes":24190976,"read_bytes":0,"written_bytes":40960},"validate":{"cpu_seconds":0.003934,"peak_rss_bytes":24190976,"read_bytes":0,"written_bytes":0},"publish":{"cpu_seconds":0.002046,"peak_rss_bytes":24190976,"read_bytes":0,"written_bytes":81920}},"history":[{"at":1795644983.5941243,"status":"queued","phase":null},{"at":1795644983.6348805,"status":"running","phase":null},{"at":1795644983.6932967,"status":"running","phase":"fetch"},{"at":1795644984.1198087,"status":"running","phase":"diff"},{"at":1795644984.1371598,"status":"running","phase":"index"},{"at":1795644984.223367,"status":"running","phase":"validate"},{"at":1795644984.3879037,"status":"running","phase":"publish"},{"at":1795644984.5005693,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795644983.6348805,"finished_at":1795644984.5005693,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":18}',1.79564498363488054275e+09,1,15,0.607,'the index is up to date');
INSERT INTO "job" VALUES('01a214c8-0d63-76f6-b617-94abd7fd1d3d',1,'tools','bob','completed','unchanged',0,1.79564498467567157749e+09,1.79564498483850789071e+09,5,'{"job_id":"01a214c8-0d63-76f6-b617-94abd7fd1d3d","repository_id":1,"repository":"tools","requested_by":"bob","created_at":1795644984.6756716,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"unchanged","phase":null,"progress":100.0,"message":"up to date","started_at":1795644984.6941814,"finished_at":1795644984.838508,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":"589ce634a128bc6e52b0d67ad586d31168b11837","fetched":"589ce634a128bc6e52b0d67ad586d31168b11837","indexed":"589ce634a128bc6e52b0d67ad586d31168b11837","is_default":true}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795644984.7624726,"finished_at":1795644984.8260303,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}},"usage":{"fetch":{"cpu_seconds":0.005829,"peak_rss_bytes":4055040,"read_bytes":0,"written_bytes":0}},"history":[{"at":1795644984.6756716,"status":"queued","phase":null},{"at":1795644984.6941814,"status":"running","phase":null},{"at":1795644984.7624726,"status":"running","phase":"fetch"},{"at":1795644984.838508,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795644984.6941814,"finished_at":1795644984.838508,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":5}',1.79564498469418144226e+09,0,0,NULL,'up to date');
INSERT INTO "job" VALUES('01a214c8-0e77-736f-9604-43aab6793407',3,'gone','ada','failed',NULL,0,1.79564498495159745221e+09,1.79564498506899809836e+09,4,'{"job_id":"01a214c8-0e77-736f-9604-43aab6793407","repository_id":3,"repository":"gone","requested_by":"ada","created_at":1795644984.9515975,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"failed","outcome":null,"phase":null,"progress":1.3603322932836601,"message":"the remote repository does not exist","started_at":1795644984.9598505,"finished_at":1795644985.068998,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.0,"left_s":3.3},{"gone_s":0.045510053634643555,"left_s":3.3}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"failed","fraction":0.0,"started_at":1795644985.0053606,"finished_at":1795644985.068998,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644984.9515975,"status":"queued","phase":null},{"at":1795644984.9598505,"status":"running","phase":null},{"at":1795644985.0053606,"status":"running","phase":"fetch"},{"at":1795644985.068998,"status":"failed","phase":null}],"attempts":[{"number":1,"started_at":1795644984.9598505,"finished_at":1795644985.068998,"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"interrupted":false}],"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":4}',1.79564498495985054972e+09,NULL,NULL,NULL,'the remote repository does not exist');
INSERT INTO "job" VALUES('01a214c8-0f6a-76d8-9804-bc4d502c638a',4,'slow','bob','cancelled',NULL,0,1.79564498519496035583e+09,1.79564498604903483394e+09,7,'{"job_id":"01a214c8-0f6a-76d8-9804-bc4d502c638a","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795644985.1949604,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"cancelled","outcome":null,"phase":null,"progress":13.33748510539833,"message":"cancelled by ada","started_at":1795644985.2182806,"finished_at":1795644986.0490348,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.04461026191711426,"left_s":3.3},{"gone_s":0.2679429054260254,"left_s":3.123332643508911},{"gone_s":0.5193822383880615,"left_s":3.374771976470947}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"cancelled","fraction":0.0,"started_at":1795644985.2628908,"finished_at":1795644986.0490348,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644985.1949604,"status":"queued","phase":null},{"at":1795644985.2182806,"status":"running","phase":null},{"at":1795644985.2628908,"status":"running","phase":"fetch"},{"at":1795644986.0490348,"status":"cancelled","phase":null}],"attempts":[{"number":1,"started_at":1795644985.2182806,"finished_at":1795644986.0490348,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":{"requested_by":"ada","reason":"wrong one","at":1795644985.9993246,"force":false},"is_permitted":false,"seq":7}',1.79564498521828055377e+09,NULL,NULL,NULL,'cancelled by ada');
INSERT INTO "job" VALUES('01a214c8-135d-74a6-8ed7-cef43874d1ba',2,'site','ada','running',NULL,0,1.7956449862052414417e+09,NULL,3,'{"job_id":"01a214c8-135d-74a6-8ed7-cef43874d1ba","repository_id":2,"repository":"site","requested_by":"ada","created_at":1795644986.2052414,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"running","outcome":null,"phase":"fetch","progress":0.3552846005237142,"message":"asking the remote","started_at":1795644986.212139,"finished_at":null,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.0,"left_s":3.3},{"gone_s":0.011766195297241211,"left_s":3.3}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"running","fraction":0.0,"started_at":1795644986.223905,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644986.2052414,"status":"queued","phase":null},{"at":1795644986.212139,"status":"running","phase":null},{"at":1795644986.223905,"status":"running","phase":"fetch"}],"attempts":[{"number":1,"started_at":1795644986.212139,"finished_at":null,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":3}',1.79564498621213889124e+09,NULL,NULL,NULL,'asking the remote');
INSERT INTO "job" VALUES('01a214c8-1398-76d7-a0c5-e0ba4e6f3c9e',4,'slow','bob','queued',NULL,0,1.79564498626442694663e+09,NULL,1,'{"job_id":"01a214c8-1398-76d7-a0c5-e0ba4e6f3c9e","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795644986.264427,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644986.264427,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
INSERT INTO "job" VALUES('01a214c8-13d6-7666-8961-1e1477bff943',1,'tools','ada','queued',NULL,0,1.79564498633431816098e+09,NULL,1,'{"job_id":"01a214c8-13d6-7666-8961-1e1477bff943","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795644986.3343182,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644986.3343182,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
CREATE TABLE repository (
    repository_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL CHECK (json_valid(body))
);
INSERT INTO "repository" VALUES(1,'tools','/srv/git/tools','{"repository_id":1,"name":"tools","remote":"/srv/git/tools","key":"/srv/git/tools","created_at":1795644981.2523599,"created_by":"ada","tracked":[],"default_branch":"main","branches":[{"name":"main","commit":"589ce634a128bc6e52b0d67ad586d31168b11837","indexed_at":1795644984.5005693,"job_id":"01a214c8-0925-749b-8017-c9dc1352cbf5","is_default":true}],"seed":null,"timings":[{"is_first":true,"is_new":true,"seconds":{"fetch":0.32145047187805176,"diff":0.01058197021484375,"index":0.08160138130187988,"validate":0.0939939022064209,"publish":0.054633378982543945},"parts":{"ask":0.23322105407714844,"receive":0.08822941780090332,"settle":0.0,"start":0.10506153106689453,"leave":0.05803227424621582},"work":{"objects":3,"bytes":209,"entries":1,"blobs":1},"ratio":0.607},{"is_first":false,"is_new":false,"seconds":{"fetch":0.06355762481689453},"parts":{},"work":{},"ratio":null}],"last_job":{"job_id":"01a214c8-0d63-76f6-b617-94abd7fd1d3d","status":"completed","finished_at":1795644984.838508},"checked_at":1795644984.838508}');
INSERT INTO "repository" VALUES(2,'site','/srv/git/site','{"repository_id":2,"name":"site","remote":"/srv/git/site","key":"/srv/git/site","created_at":1795644981.9669082,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":null,"checked_at":null}');
INSERT INTO "repository" VALUES(3,'gone','/srv/git/gone','{"repository_id":3,"name":"gone","remote":"/srv/git/gone","key":"/srv/git/gone","created_at":1795644982.7245712,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":{"job_id":"01a214c8-0e77-736f-9604-43aab6793407","status":"failed","finished_at":1795644985.068998},"checked_at":null}');
INSERT INTO "repository" VALUES(4,'slow','/srv/git/slow','{"repository_id":4,"name":"slow","remote":"/srv/git/slow","key":"/srv/git/slow","created_at":1795644983.4803476,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":{"job_id":"01a214c8-0f6a-76d8-9804-bc4d502c638a","status":"cancelled","finished_at":1795644986.0490348},"checked_at":null}');
CREATE TABLE session (
    session_id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user (name),
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at REAL NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
, address TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '', used_at REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "session" VALUES('bd4c36b2854ebd3d1016e1f7','bob','e72c4c745c65b98891219a69e7d421ba7bb8f223133a1610c59cb176934b00d8',NULL,0.0,1.79564498066659307485e+09,1.79823698066659307484e+09,'127.0.0.1','curl/7.88.1',0.0);
INSERT INTO "session" VALUES('eae0878cd0cf0e65aac632c6','ada','1bb35d5973346bef618303c60db3c7542e39a6dd914bfe08d4927e7ed346dd5c',NULL,0.0,1.795644979930311203e+09,1.79823697993031120299e+09,'127.0.0.1','curl/7.88.1',0.0);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "setting" VALUES('instance','aa5cce3b073e0e367ba287581f6eb8f8df345555bd19c6ba5e483bc6255f68c9');
CREATE TABLE signing_key (
    key_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    made_at REAL NOT NULL,
    good_until REAL
) WITHOUT ROWID;
INSERT INTO "signing_key" VALUES('eb89164a28f75b72','c337e4a12f30418317394d4de4dcaecaa9865054e77e1584c72d5d04e9d246bc',1.79564497355940198893e+09,NULL);
CREATE TABLE user (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    created_at REAL NOT NULL,
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "user" VALUES('ada','$argon2id$v=19$m=65536,t=3,p=4$59E/z14j6/LfReUE1GJltg$9tJBk+fpkCGD8rXkHZu06HFOIjcF/jY+q6MpLOBu7m0','admin',1.79564497911562681196e+09,0);
INSERT INTO "user" VALUES('bob','$argon2id$v=19$m=65536,t=3,p=4$fc7PNdGyiw+VXf93l4pipg$Etfs3rySzQy7voyStdYoAv+fUoBBn4cdfiNtCFwogmo','member',1.79564497744297170639e+09,0);
CREATE UNIQUE INDEX job_one_running ON job (repository_id) WHERE status = 'running';
CREATE UNIQUE INDEX job_one_fresh ON job (repository_id) WHERE status = 'queued' AND NOT returned;
CREATE INDEX job_active ON job (status) WHERE status IN ('queued', 'running');
CREATE INDEX job_by_repository ON job (repository_id, job_id);
CREATE TRIGGER event_after_end BEFORE INSERT ON event
WHEN EXISTS (
    SELECT 1 FROM event
    WHERE job_id = NEW.job_id AND kind IN ('completed', 'failed', 'cancelled')
)
BEGIN
    SELECT RAISE(ABORT, 'a final job takes no event');
END;
CREATE INDEX event_end ON event (job_id) WHERE kind IN ('completed', 'failed', 'cancelled');
CREATE TRIGGER job_active_stays BEFORE DELETE ON job
WHEN OLD.status IN ('queued', 'running')
BEGIN
    SELECT RAISE(ABORT, 'an active job is not removed');
END;
CREATE INDEX job_by_end ON job (
    repository_id, finished_at, job_id, status, outcome, created_at, started_at, files_indexed,
    bytes_indexed
) WHERE finished_at IS NOT NULL;
CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);
CREATE INDEX job_by_estimate ON job (repository_id, finished_at, estimate_ratio)
WHERE estimate_ratio IS NOT NULL;
CREATE INDEX job_by_status ON job (status, job_id, outcome, repository, requested_by, created_at);
CREATE INDEX job_by_user ON job (requested_by, job_id, status, outcome, repository, created_at);
CREATE INDEX job_by_name ON job (repository, job_id, status, outcome, requested_by, created_at);
CREATE INDEX job_by_age ON job (job_id, created_at, outcome, message);
CREATE INDEX audit_by_at ON audit (at);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_target ON audit (target, id);
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN OLD.at >= coalesce(
    (SELECT CAST(value AS REAL) FROM setting WHERE name = 'audit_kept_since'), 0
)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is kept');
END;
CREATE UNIQUE INDEX signing_key_one_signs ON signing_key ((good_until IS NULL))
WHERE good_until IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',9);
COMMIT;
