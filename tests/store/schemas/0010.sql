PRAGMA user_version = 10;
BEGIN TRANSACTION;
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
INSERT INTO "event" VALUES(1,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',1,1.79564482430321812624e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(2,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',2,1795644824.31181,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(3,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',3,1.79564482433448338507e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.6,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.334Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(4,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',4,1.79564482445476627354e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":30.8,"message":"receiving objects: 3 of 3 objects, 208 B"}');
INSERT INTO "event" VALUES(5,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',5,1.79564482448491811754e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":35.4,"message":"receiving objects: 3 of 3 objects, 208 B","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.334Z","finished_at":"2026-11-25T22:13:44.484Z","duration_seconds":0.15,"counters":{"objects_received":3,"bytes_received":208}}}');
INSERT INTO "event" VALUES(6,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',6,1.79564482453757023805e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":45.4,"message":"receiving objects: 3 of 3 objects, 208 B"}');
INSERT INTO "event" VALUES(7,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',7,1.79564482455833840371e+09,'phase_started','{"status":"running","phase":"diff","progress_percentage":48.1,"message":"working out what changed","phase_record":{"name":"diff","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.558Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(8,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',8,1.79564482457391548161e+09,'phase_completed','{"status":"running","phase":"diff","progress_percentage":56.1,"message":"working out what changed","phase_record":{"name":"diff","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.558Z","finished_at":"2026-11-25T22:13:44.573Z","duration_seconds":0.016,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1}}}');
INSERT INTO "event" VALUES(9,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',9,1.79564482457861089711e+09,'phase_started','{"status":"running","phase":"index","progress_percentage":56.5,"message":"indexing","phase_record":{"name":"index","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.578Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(10,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',10,1.79564482461031413081e+09,'progressed','{"status":"running","phase":"index","progress_percentage":63.2,"message":"indexing: 1 of 1 files, 15 B"}');
INSERT INTO "event" VALUES(11,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',11,1.79564482473823237417e+09,'phase_completed','{"status":"running","phase":"index","progress_percentage":73.9,"message":"indexing: 1 of 1 files, 15 B","phase_record":{"name":"index","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.578Z","finished_at":"2026-11-25T22:13:44.738Z","duration_seconds":0.16,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1}}}');
INSERT INTO "event" VALUES(12,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',12,1.79564482476546192169e+09,'phase_started','{"status":"running","phase":"validate","progress_percentage":75.1,"message":"checking the new index","phase_record":{"name":"validate","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.765Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(13,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',13,1.79564482478168749813e+09,'phase_completed','{"status":"running","phase":"validate","progress_percentage":90.3,"message":"checking the new index","phase_record":{"name":"validate","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.765Z","finished_at":"2026-11-25T22:13:44.781Z","duration_seconds":0.016,"counters":{"checked_blobs":1,"checked_entries":1}}}');
INSERT INTO "event" VALUES(14,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',14,1.79564482479316473006e+09,'publish_started','{"status":"running","phase":"validate","progress_percentage":90.3,"message":"checking the new index"}');
INSERT INTO "event" VALUES(15,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',15,1.79564482480324745178e+09,'phase_started','{"status":"running","phase":"publish","progress_percentage":90.7,"message":"publishing","phase_record":{"name":"publish","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.803Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(16,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',16,1.795644824836432457e+09,'phase_completed','{"status":"running","phase":"publish","progress_percentage":96.3,"message":"publishing","phase_record":{"name":"publish","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.803Z","finished_at":"2026-11-25T22:13:44.836Z","duration_seconds":0.033,"counters":{"branches":1,"entries":1}}}');
INSERT INTO "event" VALUES(17,'01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools',17,1.79564482484558439251e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"the index is up to date","outcome":"updated","summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"skipped_by_reason":{},"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"objects_received":3,"bytes_received":208}}');
INSERT INTO "event" VALUES(18,'01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools',1,1.79564482492044878011e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(19,'01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools',2,1.79564482492926716806e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(20,'01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools',3,1.79564482495276570321e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":5.9,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:44.952Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(21,'01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools',4,1.79564482498103713996e+09,'phase_completed','{"status":"running","phase":"fetch","progress_percentage":21.1,"message":"asking the remote","phase_record":{"name":"fetch","status":"completed","progress":100.0,"started_at":"2026-11-25T22:13:44.952Z","finished_at":"2026-11-25T22:13:44.981Z","duration_seconds":0.028,"counters":{}}}');
INSERT INTO "event" VALUES(22,'01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools',5,1.79564482498326849933e+09,'completed','{"status":"completed","phase":null,"progress_percentage":100.0,"message":"up to date","outcome":"unchanged","summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}}}');
INSERT INTO "event" VALUES(23,'01a214c5-9dc0-7416-81a5-325c6416758c',3,'gone',1,1.79564482502417826657e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(24,'01a214c5-9dc0-7416-81a5-325c6416758c',3,'gone',2,1.795644825028427124e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(25,'01a214c5-9dc0-7416-81a5-325c6416758c',3,'gone',3,1.79564482504883861542e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.6,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:45.048Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(26,'01a214c5-9dc0-7416-81a5-325c6416758c',3,'gone',4,1.79564482509349322321e+09,'failed','{"status":"failed","phase":null,"progress_percentage":0.6,"message":"the remote repository does not exist","error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false,"docs":"docs/faults.md#remote-not-found"}}');
INSERT INTO "event" VALUES(27,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',1,1.79564482518294453623e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(28,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',2,1.7956448252111802101e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(29,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',3,1.79564482523046112065e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.5,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:45.230Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(30,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',4,1.79564482542076325416e+09,'progressed','{"status":"running","phase":"fetch","progress_percentage":6.2,"message":"asking the remote"}');
INSERT INTO "event" VALUES(31,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',5,1.79564482546648168563e+09,'cancel_requested','{"status":"running","phase":"fetch","progress_percentage":6.2,"message":"asking the remote","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(32,'01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow',6,1.79564482547529768942e+09,'cancelled','{"status":"cancelled","phase":null,"progress_percentage":6.2,"message":"cancelled by ada","requested_by":"ada","reason":"wrong one","force":false}');
INSERT INTO "event" VALUES(33,'01a214c5-9fbb-7645-ad9e-8a867b8a7eb1',2,'site',1,1.79564482553169250489e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
INSERT INTO "event" VALUES(34,'01a214c5-9fbb-7645-ad9e-8a867b8a7eb1',2,'site',2,1.79564482553577089312e+09,'claimed','{"status":"running","phase":null,"progress_percentage":0.0,"message":"starting","attempt":1}');
INSERT INTO "event" VALUES(35,'01a214c5-9fbb-7645-ad9e-8a867b8a7eb1',2,'site',3,1.79564482554024958615e+09,'phase_started','{"status":"running","phase":"fetch","progress_percentage":0.1,"message":"asking the remote","phase_record":{"name":"fetch","status":"running","progress":0.0,"started_at":"2026-11-25T22:13:45.540Z","finished_at":null,"duration_seconds":null,"counters":{}}}');
INSERT INTO "event" VALUES(36,'01a214c5-9fdd-742e-9d94-d46cc224c37f',4,'slow',1,1.79564482556583333017e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"bob"}');
INSERT INTO "event" VALUES(37,'01a214c5-9ffb-7104-854c-8bff29d9dbc4',1,'tools',1,1.79564482559595894818e+09,'enqueued','{"status":"queued","phase":null,"progress_percentage":0.0,"message":"waiting for its turn","requested_by":"ada"}');
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
INSERT INTO "idempotency_key" VALUES('ada','nightly-1','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214c5-9aee-745d-a161-d6f7c8e69596',1.79564482430321812624e+09,0);
INSERT INTO "idempotency_key" VALUES('ada','nightly-2','a145e0c14be742a00d93a70cc70f7a6650ace24e58bb288cec28952ba0301535','01a214c5-9ffb-7104-854c-8bff29d9dbc4',1.79564482559595894818e+09,0);
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
INSERT INTO "job" VALUES('01a214c5-9aee-745d-a161-d6f7c8e69596',1,'tools','ada','completed','updated',0,1.79564482430321812624e+09,1.79564482484558439251e+09,17,'{"job_id":"01a214c5-9aee-745d-a161-d6f7c8e69596","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795644824.3032181,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"updated","phase":null,"progress":100.0,"message":"the index is up to date","started_at":1795644824.31181,"finished_at":1795644824.8455844,"returned":false,"is_first":true,"is_new":true,"guesses":[],"estimate_ratio":0.75,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":null,"fetched":"949f55b05f3af410eeb8f9107650ea7c50790e80","indexed":"949f55b05f3af410eeb8f9107650ea7c50790e80","is_default":true,"committed_at":1795644822.0}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795644824.3344834,"finished_at":1795644824.484918,"counters":{"objects_received":3,"bytes_received":208},"steps":[{"name":"receiving objects","started_at":1795644824.4547663,"at":1795644824.4547663,"done":3,"total":3,"bytes":208}],"earlier":[]},{"name":"diff","status":"completed","fraction":1.0,"started_at":1795644824.5583384,"finished_at":1795644824.5739155,"counters":{"entries":1,"added":1,"modified":0,"deleted":0,"renamed":0,"new_blobs":1},"steps":[],"earlier":[]},{"name":"index","status":"completed","fraction":1.0,"started_at":1795644824.578611,"finished_at":1795644824.7382324,"counters":{"symbols":1,"files_indexed":1,"files_skipped":0,"bytes_indexed":15,"segments":1},"steps":[{"name":"","started_at":1795644824.6103141,"at":1795644824.6103141,"done":1,"total":1,"bytes":15}],"earlier":[]},{"name":"validate","status":"completed","fraction":1.0,"started_at":1795644824.765462,"finished_at":1795644824.7816875,"counters":{"checked_blobs":1,"checked_entries":1},"steps":[],"earlier":[]},{"name":"publish","status":"completed","fraction":1.0,"started_at":1795644824.8032475,"finished_at":1795644824.8364325,"counters":{"branches":1,"entries":1},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":1,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":1,"files_skipped":0,"skipped_by_reason":{},"blobs_new":1,"blobs_reused":0,"bytes_indexed":15,"commits_received":1,"objects_received":3,"bytes_received":208},"usage":{"fetch":{"cpu_seconds":0.019544,"peak_rss_bytes":4780032,"read_bytes":0,"written_bytes":16384},"diff":{"cpu_seconds":0.007752,"peak_rss_bytes":21479424,"read_bytes":0,"written_bytes":0},"index":{"cpu_seconds":0.025134,"peak_rss_bytes":24219648,"read_bytes":0,"written_bytes":81920},"validate":{"cpu_seconds":0.003859,"peak_rss_bytes":24219648,"read_bytes":0,"written_bytes":0},"publish":{"cpu_seconds":0.002157,"peak_rss_bytes":24219648,"read_bytes":0,"written_bytes":98304}},"history":[{"at":1795644824.3032181,"status":"queued","phase":null},{"at":1795644824.31181,"status":"running","phase":null},{"at":1795644824.3344834,"status":"running","phase":"fetch"},{"at":1795644824.5583384,"status":"running","phase":"diff"},{"at":1795644824.578611,"status":"running","phase":"index"},{"at":1795644824.765462,"status":"running","phase":"validate"},{"at":1795644824.8032475,"status":"running","phase":"publish"},{"at":1795644824.8455844,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795644824.31181,"finished_at":1795644824.8455844,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":17}',1795644824.31181,1,15,0.75,'the index is up to date');
INSERT INTO "job" VALUES('01a214c5-9d58-7519-8d59-d04026ddf7a0',1,'tools','bob','completed','unchanged',0,1.79564482492044878011e+09,1.79564482498326849933e+09,5,'{"job_id":"01a214c5-9d58-7519-8d59-d04026ddf7a0","repository_id":1,"repository":"tools","requested_by":"bob","created_at":1795644824.9204488,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"completed","outcome":"unchanged","phase":null,"progress":100.0,"message":"up to date","started_at":1795644824.9292672,"finished_at":1795644824.9832685,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[{"branch":"main","before":"949f55b05f3af410eeb8f9107650ea7c50790e80","fetched":"949f55b05f3af410eeb8f9107650ea7c50790e80","indexed":"949f55b05f3af410eeb8f9107650ea7c50790e80","is_default":true,"committed_at":null}],"phases":[{"name":"fetch","status":"completed","fraction":1.0,"started_at":1795644824.9527657,"finished_at":1795644824.9810371,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"skipped","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":{"files_total":1,"files_added":0,"files_modified":0,"files_deleted":0,"files_renamed":0,"files_indexed":0,"files_skipped":0,"blobs_new":0,"blobs_reused":0,"commits_received":0,"objects_received":0,"bytes_received":0,"bytes_indexed":0,"skipped_by_reason":{}},"usage":{"fetch":{"cpu_seconds":0.006122,"peak_rss_bytes":4190208,"read_bytes":0,"written_bytes":0}},"history":[{"at":1795644824.9204488,"status":"queued","phase":null},{"at":1795644824.9292672,"status":"running","phase":null},{"at":1795644824.9527657,"status":"running","phase":"fetch"},{"at":1795644824.9832685,"status":"completed","phase":null}],"attempts":[{"number":1,"started_at":1795644824.9292672,"finished_at":1795644824.9832685,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":5}',1.79564482492926716806e+09,0,0,NULL,'up to date');
INSERT INTO "job" VALUES('01a214c5-9dc0-7416-81a5-325c6416758c',3,'gone','ada','failed',NULL,0,1.79564482502417826657e+09,1.79564482509349322321e+09,4,'{"job_id":"01a214c5-9dc0-7416-81a5-325c6416758c","repository_id":3,"repository":"gone","requested_by":"ada","created_at":1795644825.0241783,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"failed","outcome":null,"phase":null,"progress":0.6147277663309556,"message":"the remote repository does not exist","started_at":1795644825.0284271,"finished_at":1795644825.0934932,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.0,"left_s":3.3},{"gone_s":0.02041149139404297,"left_s":3.3}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"failed","fraction":0.0,"started_at":1795644825.0488386,"finished_at":1795644825.0934932,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644825.0241783,"status":"queued","phase":null},{"at":1795644825.0284271,"status":"running","phase":null},{"at":1795644825.0488386,"status":"running","phase":"fetch"},{"at":1795644825.0934932,"status":"failed","phase":null}],"attempts":[{"number":1,"started_at":1795644825.0284271,"finished_at":1795644825.0934932,"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"interrupted":false}],"error":{"code":"remote-not-found","title":"the remote repository does not exist","detail":"fatal: ''/srv/git/gone'' does not appear to be a git repository\nfatal: Could not read from remote repository.","hint":"check its address, and that these credentials may see it: cidx repo show NAME","phase":"fetch","retryable":false},"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":4}',1.795644825028427124e+09,NULL,NULL,NULL,'the remote repository does not exist');
INSERT INTO "job" VALUES('01a214c5-9e5e-7065-9b27-e6bc3aa2069d',4,'slow','bob','cancelled',NULL,0,1.79564482518294453623e+09,1.79564482547529768942e+09,6,'{"job_id":"01a214c5-9e5e-7065-9b27-e6bc3aa2069d","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795644825.1829445,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"cancelled","outcome":null,"phase":null,"progress":6.2945732627548505,"message":"cancelled by ada","started_at":1795644825.2111802,"finished_at":1795644825.4752977,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.01928091049194336,"left_s":3.3},{"gone_s":0.20958304405212402,"left_s":3.1199999999999997}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"cancelled","fraction":0.0,"started_at":1795644825.2304611,"finished_at":1795644825.4752977,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644825.1829445,"status":"queued","phase":null},{"at":1795644825.2111802,"status":"running","phase":null},{"at":1795644825.2304611,"status":"running","phase":"fetch"},{"at":1795644825.4752977,"status":"cancelled","phase":null}],"attempts":[{"number":1,"started_at":1795644825.2111802,"finished_at":1795644825.4752977,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":{"requested_by":"ada","reason":"wrong one","at":1795644825.4664817,"force":false},"is_permitted":false,"seq":6}',1.7956448252111802101e+09,NULL,NULL,NULL,'cancelled by ada');
INSERT INTO "job" VALUES('01a214c5-9fbb-7645-ad9e-8a867b8a7eb1',2,'site','ada','running',NULL,0,1.79564482553169250489e+09,NULL,3,'{"job_id":"01a214c5-9fbb-7645-ad9e-8a867b8a7eb1","repository_id":2,"repository":"site","requested_by":"ada","created_at":1795644825.5316925,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"running","outcome":null,"phase":"fetch","progress":0.1355340259236296,"message":"asking the remote","started_at":1795644825.535771,"finished_at":null,"returned":false,"is_first":true,"is_new":true,"guesses":[{"gone_s":0.0,"left_s":3.3},{"gone_s":0.0044786930084228516,"left_s":3.3}],"estimate_ratio":null,"attempt":1,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"running","fraction":0.0,"started_at":1795644825.5402496,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644825.5316925,"status":"queued","phase":null},{"at":1795644825.535771,"status":"running","phase":null},{"at":1795644825.5402496,"status":"running","phase":"fetch"}],"attempts":[{"number":1,"started_at":1795644825.535771,"finished_at":null,"error":null,"interrupted":false}],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":3}',1.79564482553577089312e+09,NULL,NULL,NULL,'asking the remote');
INSERT INTO "job" VALUES('01a214c5-9fdd-742e-9d94-d46cc224c37f',4,'slow','bob','queued',NULL,0,1.79564482556583333017e+09,NULL,1,'{"job_id":"01a214c5-9fdd-742e-9d94-d46cc224c37f","repository_id":4,"repository":"slow","requested_by":"bob","created_at":1795644825.5658333,"requesters":["bob"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644825.5658333,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
INSERT INTO "job" VALUES('01a214c5-9ffb-7104-854c-8bff29d9dbc4',1,'tools','ada','queued',NULL,0,1.79564482559595894818e+09,NULL,1,'{"job_id":"01a214c5-9ffb-7104-854c-8bff29d9dbc4","repository_id":1,"repository":"tools","requested_by":"ada","created_at":1795644825.595959,"requesters":["ada"],"options":{"full":false,"branches":[]},"priority":"interactive","status":"queued","outcome":null,"phase":null,"progress":0.0,"message":"waiting for its turn","started_at":null,"finished_at":null,"returned":false,"is_first":false,"is_new":false,"guesses":[],"estimate_ratio":null,"attempt":0,"run_after":null,"deferred_at":null,"commits":[],"phases":[{"name":"fetch","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"diff","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"index","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"validate","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]},{"name":"publish","status":"pending","fraction":0.0,"started_at":null,"finished_at":null,"counters":{},"steps":[],"earlier":[]}],"summary":null,"usage":{},"history":[{"at":1795644825.595959,"status":"queued","phase":null}],"attempts":[],"error":null,"traceparent":null,"retry_of":null,"retried_by":null,"cancel":null,"is_permitted":false,"seq":1}',NULL,NULL,NULL,NULL,'waiting for its turn');
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
INSERT INTO "repository" VALUES(1,'tools','/srv/git/tools','{"repository_id":1,"name":"tools","remote":"/srv/git/tools","key":"/srv/git/tools","created_at":1795644822.7812014,"created_by":"ada","tracked":[],"default_branch":"main","branches":[{"name":"main","commit":"949f55b05f3af410eeb8f9107650ea7c50790e80","indexed_at":1795644824.8455844,"job_id":"01a214c5-9aee-745d-a161-d6f7c8e69596","is_default":true,"committed_at":1795644822.0}],"seed":null,"timings":[{"is_first":true,"is_new":true,"seconds":{"fetch":0.1504347324371338,"diff":0.015577077865600586,"index":0.1596214771270752,"validate":0.016225576400756836,"publish":0.03318500518798828},"parts":{"ask":0.12028288841247559,"receive":0.030151844024658203,"settle":0.0,"start":0.07342028617858887,"leave":0.009151935577392578},"work":{"objects":3,"bytes":208,"entries":1,"blobs":1},"ratio":0.75},{"is_first":false,"is_new":false,"seconds":{"fetch":0.02827143669128418},"parts":{},"work":{},"ratio":null}],"last_job":{"job_id":"01a214c5-9d58-7519-8d59-d04026ddf7a0","status":"completed","finished_at":1795644824.9832685},"checked_at":1795644824.9832685,"schedule":null,"polled_at":null,"failures":0,"former":[]}');
INSERT INTO "repository" VALUES(2,'site','/srv/git/site','{"repository_id":2,"name":"site","remote":"/srv/git/site","key":"/srv/git/site","created_at":1795644823.335593,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":null,"checked_at":null,"schedule":null,"polled_at":null,"failures":0,"former":[]}');
INSERT INTO "repository" VALUES(3,'gone','/srv/git/gone','{"repository_id":3,"name":"gone","remote":"/srv/git/gone","key":"/srv/git/gone","created_at":1795644823.7406504,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":{"job_id":"01a214c5-9dc0-7416-81a5-325c6416758c","status":"failed","finished_at":1795644825.0934932},"checked_at":null,"schedule":null,"polled_at":null,"failures":1,"former":[]}');
INSERT INTO "repository" VALUES(4,'slow','/srv/git/slow','{"repository_id":4,"name":"slow","remote":"/srv/git/slow","key":"/srv/git/slow","created_at":1795644824.1572394,"created_by":"ada","tracked":[],"default_branch":null,"branches":[],"seed":null,"timings":[],"last_job":{"job_id":"01a214c5-9e5e-7065-9b27-e6bc3aa2069d","status":"cancelled","finished_at":1795644825.4752977},"checked_at":null,"schedule":null,"polled_at":null,"failures":0,"former":[]}');
CREATE TABLE "session" (
    session_id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES "user" (name),
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    rotated_at REAL NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO "session" VALUES('d053b700621138714170d587','bob','b3a3808dcdc803f892fbc73680f70b6e4f12d9ac254c7f49e0b2537b624f9bf1',NULL,0.0,1.79564482234004950522e+09,1.7982368223400495052e+09);
INSERT INTO "session" VALUES('ea36d9f6876b9ff21f571c83','ada','716d92238240d80c408f7145a2204d1823edd2141c3f2f06fa3c6ef9b5616723',NULL,0.0,1.79564482172627854351e+09,1.79823682172627854342e+09);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "setting" VALUES('instance','a9c4e957d3d5c4af90a8fed6f00568c2f12f23392c066056274c2663c3a40604');
INSERT INTO "setting" VALUES('signing_key','4428b3f17a4726f099fdd9efa0ba9510cd561a2308255c0615171f42d375fa9a');
CREATE TABLE "user" (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'reader')),
    created_at REAL NOT NULL,
    is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1))
) WITHOUT ROWID;
INSERT INTO "user" VALUES('ada','$argon2id$v=19$m=65536,t=3,p=4$/CU7Yjj7V3N4pVevukfCFg$KcqW06RJGy79TmOLgx6t/a9Q+NKqr2WNNTbu6cV0EZA','admin',1.79564482099349355696e+09,0);
INSERT INTO "user" VALUES('bob','$argon2id$v=19$m=65536,t=3,p=4$rFXXXoOpQyQ0CzUk9Otfjg$RGB7Tnh8T/KHQ4nbvDfqw5F0npZIdtj3uKOAvVb4eKs','member',1.7956448196263365745e+09,0);
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
COMMIT;
