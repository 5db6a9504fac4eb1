"""What is asked: how many pages of the database it may touch, by whom, where."""

API = "/api/v3/"
PACKAGE = API + "orgs/big/packages/container/"
LIST, VERSIONS, TAGS, FOUND = 18000, 10000, 3000, 250
SIEVED = 45000  # a numbered page of what is filtered, or deleted, looks at 10,000 versions
OWNER = API + "orgs/big/packages?package_type=container&per_page=100"

PEOPLE = ("ada", "bob", "eve")
ASKS = [
    *[(LIST, who, OWNER + rest) for who in PEOPLE for rest in (
        "", "&page=100", "&after=", "&visibility=private", "&visibility=public&page=50", "&after=&visibility=internal",
        "&q=i9", "&since=2020-01-01T00:00:00Z")],
    *[(LIST, who, API + f"users/{whose}/packages?package_type=container&per_page=100") for who, whose in (
        ("eve", "org-7"), ("ada", "big"))],
    (LIST, "ada", API + "user/packages?package_type=container&per_page=100"),
    *[(LIST, who, API + "packages?per_page=100" + rest) for who in PEOPLE for rest in (
        "", "&q=prox", "&q=fast+proxy", "&q=i9", "&q=none", "&owner=big&visibility=private",
        "&since=2020-01-01T00:00:00Z", "&since=2999-01-01T00:00:00Z", "&repository=big/r41")],
    *[(LIST, "admin", API + "admin/packages?per_page=100" + rest) for rest in ("", "&q=i77", "&visibility=private")],
    *[(LIST, who, API + "repos/big/r41/packages?per_page=100") for who in ("ada", "bob")],
    (LIST, "ada", API + "orgs/big/deleted-packages?per_page=100"),
    *[(2000, who, "/v2/_catalog?n=100" + rest) for who in PEOPLE for rest in ("", "&last=big/i5")],
    *[(FOUND, who, PACKAGE + name) for who, name in (
        ("ada", "images"), ("ada", "SMALL"), ("ada", "t1"), ("bob", "t1"), ("eve", "t1"))],
    *[(FOUND, "ada", PACKAGE + name) for name in ("indexes", "deleted", "referrers")],
    *[(VERSIONS, "ada", PACKAGE + "images/versions?per_page=100" + rest) for rest in (
        "", "&page=100", "&after=", "&kind=image", "&kind=index&after=", "&tagged=true&after=", "&tagged=false&after=",
        "&kind=-attestation,-signature&page=50")],
    (SIEVED, "ada", PACKAGE + "images/versions?per_page=100&tagged=false"),
    (FOUND, "ada", PACKAGE + "images/versions?tag=v77"),
    (FOUND, "ada", PACKAGE + "referrers/versions?digest=REFERRED"),
    *[(VERSIONS, "ada", PACKAGE + "indexes/versions?per_page=100" + rest) for rest in (
        "", "&page=100", "&kind=index", "&kind=index&after=", "&tagged=true&after=", "&tagged=false&after=")],
    *[(VERSIONS, "ada", PACKAGE + "deleted/versions?per_page=100" + rest) for rest in (
        "", "&state=deleted", "&state=deleted&after=", "&state=deleted&kind=image&after=")],
    (SIEVED, "ada", PACKAGE + "deleted/versions?per_page=100&state=deleted&page=100"),
    *[(VERSIONS, "ada", PACKAGE + name + "/versions?per_page=100") for name in ("referrers", "t20")],
    (FOUND, "ada", PACKAGE + "SMALL/versions?per_page=100"), (FOUND, "ada", PACKAGE + "SMALL/tags?per_page=100"),
    *[(TAGS, "ada", PACKAGE + "images/tags?per_page=100" + rest) for rest in (
        "", "&page=100", "&sort=updated", "&sort=updated&direction=asc&page=100", "&direction=desc&page=100")],
    (FOUND, "ada", PACKAGE + "images/tags/v77"),
    *[(FOUND, "ada", "/v2/big/images/tags/list?n=100" + rest) for rest in ("", "&last=v5")],
    (FOUND, "ada", "/v2/big/images/manifests/v77"), (FOUND, "ada", "/v2/big/SMALL/manifests/v1"),
    *[(FOUND, "anonymous", "/v2/big/OPEN/" + rest) for rest in ("tags/list?n=100", "manifests/v1")],
    *[(20000, "ada", "/v2/big/referrers/referrers/REFERRED" + rest) for rest in ("", "?artifactType=example/4")],
]

DRY_RUN = 150000  # a page of it has a thousand versions
EVER = "2999-01-01T00:00:00Z"
BULK = [
    ("images", {"older_than": EVER}), ("images", {"tags": ["v*"]}), ("images", {"tags": ["v1*", "*-3"]}),
    ("images", {"untagged": True}), ("images", {"kinds": ["child"]}), ("images", {"keep": 100}),
    ("images", {"last_pulled_before": EVER}), ("indexes", {"untagged": True}), ("indexes", {"kinds": ["child"]}),
    ("indexes", {"kinds": ["index"]}), ("indexes", {"older_than": EVER}), ("indexes", {"older_than": EVER, "keep": 50}),
    ("indexes", {"older_than": EVER, "dependents": "refuse"}),
    ("indexes", {"older_than": EVER, "dependents": "cascade"}),
    ("indexes", {"untagged": True, "dependents": "cascade"}),
    ("referrers", {"kinds": ["artifact"]}), ("referrers", {"kinds": ["image"], "dependents": "cascade"}),
    ("deleted", {"older_than": EVER}), ("SMALL", {"older_than": EVER}), ("t7", {"older_than": EVER}),
]
