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
INSERT INTO "audit" VALUES(1,1.79564629080801463128e+09,'operator:root','user.added','bob','unix','56fb7c515db7bea9','{"role":"member"}');
INSERT INTO "audit" VALUES(2,1.79564629415828418733e+09,'operator:root','user.added','ada','unix','0c3d0d37136e26dc','{"role":"admin"}');
INSERT INTO "audit" VALUES(3,1.79564629573405098918e+09,'ada','login','ada','127.0.0.1','b6e6b66701c41818','{"session":"77151fe9dbe7d8eafbf83373"}');
INSERT INTO "audit" VALUES(4,1.79564629726843428617e+09,'bob','login','bob','127.0.0.1','2318fd67640360c6','{"session":"c62057c1b7c572079415c299"}');
INSERT INTO "audit" VALUES(5,1.79564629823485875136e+09,'ada','repository.added','tools','127.0.0.1','83662f9c0e6bcb18','{"remote":"/srv/git/tools","branches":[]}');
INSERT INTO "audit" VALUES(6,1.79564629921319746973e+09,'ada','repository.added','site','127.0.0.1','35caed0e08c1c517','{"remote":"/srv/git/site","branches":[]}');
INSERT INTO "audit" VALUES(7,1.79564630014934802047e+09,'ada','repository.added','gone','127.0.0.1','80a38598cb3e46c9','{"remote":"/srv/git/gone","branches":[]}');
INSERT INTO "audit" VALUES(8,1.79564630111716651912e+09,'ada','repository.added','slow','127.0.0.1','973a6311a70bfa62','{"remote":"/srv/git/slow","branches":[]}');
INSERT INTO "audit" VALUES(9,1.79564630427320384977e+09,'ada','job.cancelled','01a214dc-2c64-771b-b938-48e86ce30821','127.0.0.1','5c479e96a8be712a','{"repository":"slow","requesters":["bob"],"reason":"wrong one"}');
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
CREATE TABLE delivery (
  mark TEXT PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  received_at REAL NOT NULL,
  job_id TEXT NOT NULL
) WITHOUT ROWID;
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
INSERT INTO "event" VALUES(1,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',1,1.79564630146279454229e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(2,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',2,1.79564630146876144404e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(3,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',3,1.79564630148396396636e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.4,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:21.483Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(4,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',4,1.79564630173110675818e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":7.6,"message":"asking the remote"}');
INSERT INTO "event" VALUES(5,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',5,1.79564630180717349052e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":51.3,"message":"receiving objects: 3 of 3 objects, 208 B"}');
INSERT INTO "event" VALUES(6,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',6,1.79564630192982912062e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":58.9,"message":"receiving objects: 3 of 3 objects, 208 B"}');
INSERT INTO "event" VALUES(7,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',7,1.79564630204265522953e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":64.5,"message":"receiving objects: 3 of 3 objects, 208 B","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:21.483Z","finished_at":"2026-11-25T22:38:22.042Z","duration_seconds":0.559,"counters":{"objects_received":3,"bytes_received":208}}}');
INSERT INTO "event" VALUES(8,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',8,1.79564630215719771384e+09,'phase_started','{"status":"running","phase":"diff","progress_percentage":72.1,"message":"working out what changed","phase_record":{"name":"diff","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:22.157Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(9,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',9,1.79564630220278954506e+09,'phase_completed','{"status":"running","phase":"diff","progress_percentage":78.1,"message":"working out what changed","phase_record":{"name":"diff","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:22.157Z","finished_at":"2026-11-25T22:38:22.202Z","duration_seconds":0.046,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1}}}');
INSERT INTO "event" VALUES(10,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',10,1.79564630221463871007e+09,'phase_started','{"status":"running","phase":"index","progress_percentage":78.4,"message":"indexing","phase_record":{"name":"index","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:22.214Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(11,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',11,1.7956463022320468426e+09,'progressed','{"status":"running","phase":"index","progress_percentage":80.2,"message":"indexing: 1 of 1 files, 15 B"}');
INSERT INTO "event" VALUES(12,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',12,1.79564630236373710633e+09,'phase_completed','{"status":"running","phase":"index","progress_percentage":85.6,"message":"indexing: 1 of 1 files, 15 B","phase_record":{"name":"index","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:22.214Z","finished_at":"2026-11-25T22:38:22.363Z","duration_seconds":0.149,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1}}}');
INSERT INTO "event" VALUES(13,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',13,1.79564630240465474128e+09,'phase_started','{"status":"running","phase":"validate","progress_percentage":86.1,"message":"checking the new index","phase_record":{"name":"validate","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:22.404Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(14,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',14,1.79564630245755290985e+09,'phase_completed','{"status":"running","phase":"validate","progress_percentage":95.1,"message":"checking the new index","phase_record":{"name":"validate","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:22.404Z","finished_at":"2026-11-25T22:38:22.457Z","duration_seconds":0.053,"counters":{"checked_blobs":1,"checked_entries":1}}}');
INSERT INTO "event" VALUES(15,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',15,1.79564630251540756225e+09,'publish_started','{"status":"running","phase":"validate","progress_percentage":95.1,"message":"checking the new index"}');
INSERT INTO "event" VALUES(16,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',16,1.79564630253900599484e+09,'phase_started','{"status":"running","phase":"publish","progress_percentage":95.5,"message":"publishing","phase_record":{"name":"publish","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:22.539Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(17,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',17,1.7956463025656368732e+09,'phase_completed','{"status":"running","phase":"publish","progress_percentage":98.2,"message":"publishing","phase_record":{"name":"publish","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:22.539Z","finished_at":"2026-11-25T22:38:22.565Z","duration_seconds":0.027,"counters":{"branches":1,"entries":1}}}');
INSERT INTO "event" VALUES(18,'01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools',18,1.79564630257451319692e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"the index is up to date","outcome":"updated","summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"skipped_by_reason":{},"objects_received":3,"bytes_received":208}}');
INSERT INTO "event" VALUES(19,'01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools',1,1.79564630271716809276e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(20,'01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools',2,1.79564630272972154613e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(21,'01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools',3,1.79564630273445510863e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.4,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:22.734Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(22,'01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools',4,1.79564630277718758578e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":16.8,"message":"asking the remote","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:38:22.734Z","finished_at":"2026-11-25T22:38:22.777Z","duration_seconds":0.043,"counters":{}}}');
INSERT INTO "event" VALUES(23,'01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools',5,1.79564630278266239163e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"up to date","outcome":"unchanged","summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}}}');
INSERT INTO "event" VALUES(24,'01a214dc-2ac8-7542-8e50-157419a0b2b6',3,'gone',1,1.79564630292033433917e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(25,'01a214dc-2ac8-7542-8e50-157419a0b2b6',3,'gone',2,1.79564630295893788332e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(26,'01a214dc-2ac8-7542-8e50-157419a0b2b6',3,'gone',3,1.79564630307456803322e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":3.3,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:23.074Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(27,'01a214dc-2ac8-7542-8e50-157419a0b2b6',3,'gone',4,1.79564630318663096429e+09,'failed','{"status":"failed","phase":null,"progress_percentage":3.3,"message":"the remote repository does not exist","error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false,"docs":"docs/faults.md#remote-not-found"}}');
INSERT INTO "event" VALUES(28,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',1,1.79564630333209800721e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(29,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',2,1.79564630336540246007e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(30,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',3,1.79564630342835330955e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":1.8,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:23.428Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(31,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',4,1.79564630364561891558e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":8.2,"message":"asking the remote"}');
INSERT INTO "event" VALUES(32,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',5,1.79564630390227293966e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":13.7,"message":"asking the remote"}');
INSERT INTO "event" VALUES(33,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',6,1.79564630421336531634e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":18.7,"message":"asking the remote"}');
INSERT INTO "event" VALUES(34,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',7,1.79564630427319788926e+09,'cancel_requested','{"status":"running","phase":"fetch","progress_percentage":18.7,"message":"asking the remote","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(35,'01a214dc-2c64-771b-b938-48e86ce30821',4,'slow',8,1.79564630428944182398e+09,'cancelled','{"status":"cancelled","phase":null,"progress_percentage":18.7,"message":"cancelled by ada","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(36,'01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site',1,1.79564630455566096303e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(37,'01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site',2,1.7956463045593028068e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(38,'01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site',3,1.79564630460717582702e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":1.4,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:38:24.607Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(39,'01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site',4,1.79564630483082604411e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":7.9,"message":"asking the remote"}');
INSERT INTO "event" VALUES(40,'01a214dc-323f-70ad-a7ce-e8cc27903be5',4,'slow',1,1.79564630483187389372e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(41,'01a214dc-32db-74f3-a2cc-416aaa7ac377',1,'tools',1,1.79564630498748350139e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(42,'01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site',5,1.79564630506225824356e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":13.0,"message":"asking the remote"}');
CREATE TABLE hook (
  repository_id INTEGER PRIMARY KEY REFERENCES repository (repository_id) ON DELETE CASCADE,
  set_at REAL NOT NULL,
  set_by TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL CHECK (typeof(sealed) = 'blob')
);
CREATE TABLE idempotency_key (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    job_id TEXT NOT NULL,
    created_at REAL NOT NULL, joined INTEGER NOT NULL DEFAULT 0 CHECK (joined IN (0, 1)),
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
INSERT INTO "idempotency_key" VALUES('ada','nightly-1','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214dc-2516-7583-8681-a7ea2bbbe3a3',1.79564630146279454229e+09,0);
INSERT INTO "idempotency_key" VALUES('ada','nightly-2','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214dc-32db-74f3-a2cc-416aaa7ac377',1.79564630498748350139e+09,0);
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
INSERT INTO "job" VALUES('01a214dc-2516-7583-8681-a7ea2bbbe3a3',1,'tools','ada','completed','updated',0,1.79564630146279454229e+09,1.79564630257451319692e+09,18,'{"job_id":"01a214dc-2516-7583-8681-a7ea2bbbe3a3","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795646301.4627945,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"updated","phase":null,"progress":100.0,"message":"the index is up to date","started_at":1795646301.4687614,"finished_at":1795646302.5745132,"returned":false,"is_first":true,"is_new":true,"guesses":[],"estimate_ratio":0.414,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":null,"fetched":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","indexed":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","is_default":true,"committed_at":null}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795646301.483964,"finished_at":1795646302.0426552,"counters":{"objects_received":3,"bytes_received":208},"steps":[{"name":"receiving objects","started_at":1795646301.8071735,"at":1795646301.8071735,"done":3,"total":3,"bytes":208}],"earlier":[]},{"name":"diff","status":"completed","fraction":1.0,"started_at":1795646302.1571977,"finished_at":1795646302.2027895,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1},"steps":[],"earlier":[]},{"name":"index","status":"completed","fraction":1.0,"started_at":1795646302.2146387,"finished_at":1795646302.363737,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1},"steps":[{"name":"","started_at":1795646302.2320468,"at":1795646302.2320468,"done":1,"total":1,"bytes":15}],"earlier":[]},{"name":"validate","status":"completed","fraction":1.0,"started_at":1795646302.4046547,"finished_at":1795646302.457553,"counters":{"checked_blobs":1,"checked_entries":1},"steps":[],"earlier":[]},{"name":"publish","status":"completed","fraction":1.0,"started_at":1795646302.539006,"finished_at":1795646302.5656369,"counters":{"branches":1,"entries":1},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"skipped_by_reason":{},"objects_received":3,"bytes_received":208},"usage":{"fetch":{"cpu_seconds":0.021348,"peak_rss_bytes":4837376,"read_bytes":0,"written_bytes":28672},"diff":{"cpu_seconds":0.008151,"peak_rss_bytes":21667840,"read_bytes":0,"written_bytes":0},"index":{"cpu_seconds":0.025981,"peak_rss_bytes":24137728,"read_bytes":0,"written_bytes":40960},"validate":{"cpu_seconds":0.004213,"peak_rss_bytes":24137728,"read_bytes":0,"written_bytes":0},"publish":{"cpu_seconds":0.002045,"peak_rss_bytes":24137728,"read_bytes":0,"written_bytes":81920}},"history":[{"at":1795646301.4627945,"status":"queued","phase":null},{"at":1795646301.4687614,"status":"running","phase":null},{"at":1795646301.483964,"status":"running","phase":"fetch"},{"at":1795646302.1571977,"status":"running","phase":"diff"},{"at":1795646302.2146387,"status":"running","phase":"index"},{"at":1795646302.4046547,"status":"running","phase":"validate"},{"at":1795646302.539006,"status":"running","phase":"publish"},{"at":1795646302.5745132,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795646301.4687614,"finished_at":1795646302.5745132,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":18}',1.79564630146876144404e+09,1,15,0.414,'the index is up to date');
INSERT INTO "job" VALUES('01a214dc-29fd-7574-8a60-69afb6ebd5ee',1,'tools','bob','completed','unchanged',0,1.79564630271716809276e+09,1.79564630278266239163e+09,5,'{"job_id":"01a214dc-29fd-7574-8a60-69afb6ebd5ee","repository_id":1,"repository":"tools","requested_by":"bob","created_at":1795646302.717168,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"unchanged","phase":null,"progress":100.0,"message":"up to date","started_at":1795646302.7297215,"finished_at":1795646302.7826624,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","fetched":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","indexed":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","is_default":true,"committed_at":null}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795646302.734455,"finished_at":1795646302.7771876,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}},"usage":{"fetch":{"cpu_seconds":0.0060739999999999995,"peak_rss_bytes":4096000,"read_bytes":0,"written_bytes":0}},"history":[{"at":1795646302.717168,"status":"queued","phase":null},{"at":1795646302.7297215,"status":"running","phase":null},{"at":1795646302.734455,"status":"running","phase":"fetch"},{"at":1795646302.7826624,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795646302.7297215,"finished_at":1795646302.7826624,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":5}',1.79564630272972154613e+09,0,0,NULL,'up to date');
INSERT INTO "job" VALUES('01a214dc-2ac8-7542-8e50-157419a0b2b6',3,'gone','ada','failed',NULL,0,1.79564630292033433917e+09,1.79564630318663096429e+09,4,'{"job_id":"01a214dc-2ac8-7542-8e50-157419a0b2b6","repository_id":3,"repository":"gone","requested_by":"ada","created_at":1795646302.9203343,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"failed","outcome":null,"phase":null,"progress":3.3853240769256243,"message":"the remote repository does not exist","started_at":1795646302.958938,"finished_at":1795646303.186631,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.0,"left_s":3.3},{"gone_s":0.1156301498413086,"left_s":3.3}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"failed","fraction":0.0,"started_at":1795646303.074568,"finished_at":1795646303.186631,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795646302.9203343,"status":"queued","phase":null},{"at":1795646302.958938,"status":"running","phase":null},{"at":1795646303.074568,"status":"running","phase":"fetch"},{"at":1795646303.186631,"status":"failed","phase":null}],"attempts":[{"number":1,"started_at":1795646302.958938,"finished_at":1795646303.186631,"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"interrupted":false}],"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":4}',1.79564630295893788332e+09,NULL,NULL,NULL,'the remote repository does not exist');
INSERT INTO "job" VALUES('01a214dc-2c64-771b-b938-48e86ce30821',4,'slow','bob','cancelled',NULL,0,1.79564630333209800721e+09,1.79564630428944182398e+09,8,'{"job_id":"01a214dc-2c64-771b-b938-48e86ce30821","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795646303.332098,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"cancelled","outcome":null,"phase":null,"progress":18.706542213687282,"message":"cancelled by ada","started_at":1795646303.3654025,"finished_at":1795646304.2894418,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.2802164554595947,"left_s":3.1199999999999997},{"gone_s":0.5368704795837402,"left_s":3.373919630050659},{"gone_s":0.8479628562927246,"left_s":3.6850120067596435}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"cancelled","fraction":0.0,"started_at":1795646303.4283533,"finished_at":1795646304.2894418,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795646303.332098,"status":"queued","phase":null},{"at":1795646303.3654025,"status":"running","phase":null},{"at":1795646303.4283533,"status":"running","phase":"fetch"},{"at":1795646304.2894418,"status":"cancelled","phase":null}],"attempts":[{"number":1,"started_at":1795646303.3654025,"finished_at":1795646304.2894418,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":{"requested_by":"ada","reason":"wrong one","at":1795646304.273198,"force":false},"is_permitted":false,"seq":8}',1.79564630336540246007e+09,NULL,NULL,NULL,'cancelled by ada');
INSERT INTO "job" VALUES('01a214dc-312b-7559-ada2-6b2276f5c9a5',2,'site','ada','running',NULL,0,1.79564630455566096303e+09,NULL,5,'{"job_id":"01a214dc-312b-7559-ada2-6b2276f5c9a5","repository_id":2,"repository":"site","requested_by":"ada","created_at":1795646304.555661,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"running","outcome":null,"phase":"fetch","progress":13.03656044442468,"message":"asking the remote","started_at":1795646304.5593028,"finished_at":null,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.04787302017211914,"left_s":3.3},{"gone_s":0.27152323722839355,"left_s":3.1236502170562743},{"gone_s":0.502955436706543,"left_s":3.3550824165344237}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"running","fraction":0.0,"started_at":1795646304.6071758,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795646304.555661,"status":"queued","phase":null},{"at":1795646304.5593028,"status":"running","phase":null},{"at":1795646304.6071758,"status":"running","phase":"fetch"}],"attempts":[{"number":1,"started_at":1795646304.5593028,"finished_at":null,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":5}',1.7956463045593028068e+09,NULL,NULL,NULL,'asking the remote');
INSERT INTO "job" VALUES('01a214dc-323f-70ad-a7ce-e8cc27903be5',4,'slow','bob','queued',NULL,0,1.79564630483187389372e+09,NULL,1,'{"job_id":"01a214dc-323f-70ad-a7ce-e8cc27903be5","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795646304.831874,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795646304.831874,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
INSERT INTO "job" VALUES('01a214dc-32db-74f3-a2cc-416aaa7ac377',1,'tools','ada','queued',NULL,0,1.79564630498748350139e+09,NULL,1,'{"job_id":"01a214dc-32db-74f3-a2cc-416aaa7ac377","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795646304.9874835,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795646304.9874835,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
CREATE TABLE personal_token (
    token_hash TEXT PRIMARY KEY,
    token_id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL REFERENCES user (name),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL CHECK (json_valid(scopes)),
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    last_used_at REAL
) WITHOUT ROWID;
CREATE TABLE removal (
  repository_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  at REAL NOT NULL
);
CREATE TABLE removed_repository (
    repository_id INTEGER PRIMARY KEY,
    body TEXT NOT NULL CHECK (json_valid(body))
);
CREATE TABLE repository (
    repository_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL CHECK (json_valid(body))
);
INSERT INTO "repository" VALUES(1,'tools','/srv/git/tools','{"repository_id":1,"name":"tools","remote":"/srv/git/tools","key":"/srv/git/tools","created_at":1795646298.234852,"created_by":"ada","tracked":[],"default_branch":"main","branches":[{"name":"main","commit":"34985b1e8a7725ec931de8b1357dd80ae27a89d1","indexed_at":1795646302.5745132,"job_id":"01a214dc-2516-7583-8681-a7ea2bbbe3a3","is_default":true,"committed_at":null}],"seed":null,"resolved":null,"timings":[{"is_first":true,"is_new":true,"seconds":{"fetch":0.5586912631988525,"diff":0.04559183120727539,"index":0.14909839630126953,"validate":0.05289816856384277,"publish":0.026630878448486328},"parts":{"ask":0.3232095241546631,"receive":0.23548173904418945,"settle":0.0,"start":0.11454248428344727,"leave":0.008876323699951172},"work":{"objects":3,"bytes":208,"entries":1,"blobs":1},"ratio":0.414},{"is_first":false,"is_new":false,"seconds":{"fetch":0.04273247718811035},"parts":{},"work":{},"ratio":null}],"last_job":{"job_id":"01a214dc-29fd-7574-8a60-69afb6ebd5ee","status":"completed","finished_at":1795646302.7826624},"checked_at":1795646302.7826624,"schedule":null,"polled_at":null,"failures":0,"former":[],"access":{"visibility":"all","users":{}}}');
INSERT INTO "repository" VALUES(2,'site','/srv/git/site','{"repository_id":2,"name":"site","remote":"/srv/git/site","key":"/srv/git/site","created_at":1795646299.2131913,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"resolved":null,"timings":[],"last_job":null,"checked_at":null,"schedule":null,"polled_at":null,"failures":0,"former":[],"access":{"visibility":"all","users":{}}}');
INSERT INTO "repository" VALUES(3,'gone','/srv/git/gone','{"repository_id":3,"name":"gone","remote":"/srv/git/gone","key":"/srv/git/gone","created_at":1795646300.1493409,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"resolved":null,"timings":[],"last_job":{"job_id":"01a214dc-2ac8-7542-8e50-157419a0b2b6","status":"failed","finished_at":1795646303.186631},"checked_at":null,"schedule":null,"polled_at":null,"failures":1,"former":[],"access":{"visibility":"all","users":{}}}');
INSERT INTO "repository" VALUES(4,'slow','/srv/git/slow','{"repository_id":4,"name":"slow","remote":"/srv/git/slow","key":"/srv/git/slow","created_at":1795646301.1171606,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"resolved":null,"timings":[],"last_job":{"job_id":"01a214dc-2c64-771b-b938-48e86ce30821","status":"cancelled","finished_at":1795646304.2894418},"checked_at":null,"schedule":null,"polled_at":null,"failures":0,"former":[],"access":{"visibility":"all","users":{}}}');
CREATE TABLE "session" (
    session_id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES "user" (name),
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at REAL NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
, address TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '', used_at REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "session" VALUES('77151fe9dbe7d8eafbf83373','ada','dba03c40c3d6b132c6dae09d33b425aa7c124e51f64d69dbcdf03257afde2578',NULL,0.0,1.79564629573389267919e+09,1.79823829573389267922e+09,'127.0.0.1','curl/7.88.1',0.0);
INSERT INTO "session" VALUES('c62057c1b7c572079415c299','bob','bf03d1aeeb409f841f2d3c21c8e1f00c28c6e41282c59e970c3b43385b02468d',NULL,0.0,1.79564629726835918422e+09,1.79823829726835918421e+09,'127.0.0.1','curl/7.88.1',0.0);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "setting" VALUES('instance','a043dc404f4a40bbec72eff46f79aa532c994a13401b4a94c4f0d6215a8b9a2a');
CREATE TABLE signing_key (
    key_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    made_at REAL NOT NULL,
    good_until REAL
) WITHOUT ROWID;
INSERT INTO "signing_key" VALUES('e03d3f5b94126149','b56e99bd0dbd214d307eda2c79503bc4eadceaed954eb8b15d3e1d2229bc4479',1.79564628050894570352e+09,NULL);
CREATE TABLE "user" (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader')),
    created_at REAL NOT NULL,
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "user" VALUES('ada','$argon2id$v=19$m=65536,t=3,p=4$OjUyXM/tvjrNAE9rNX7ksg$CMnBPeeFTyRno+BUeh4NnSRv2EAr3nClhKS0e09ZAS4','admin',1.79564629415825462339e+09,0);
INSERT INTO "user" VALUES('bob','$argon2id$v=19$m=65536,t=3,p=4$G33wZBb/UssmgtnHyfl5dA$1Ouo+iW8wx+yVEoc9UfT/PDEMJWzH2IYuVy0jI/FznY','member',1.79564629080798506734e+09,0);
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
CREATE TRIGGER repository_renamed AFTER UPDATE OF name ON repository
WHEN new.name <> old.name
BEGIN
  UPDATE job SET repository = new.name WHERE repository_id = new.repository_id;
END;
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
