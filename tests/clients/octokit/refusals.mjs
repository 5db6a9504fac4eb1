// Refusals are Octokit's errors, with GitHub's statuses and messages.
import assert from "node:assert/strict";
import {clientOf, given, refused} from "./client.mjs";

const {packages} = clientOf(given.token);
const stranger = clientOf(given.stranger).packages;
const reader = clientOf(given.reader).packages;
const [package_name, single_name] = given.packages;
const ours = {org: given.org, package_type: "container", package_name};
const [version] = (await packages.getAllPackageVersionsForPackageOwnedByOrg(ours)).data;
const single = {org: given.org, package_type: "container", package_name: single_name};
const [only] = (await packages.getAllPackageVersionsForPackageOwnedByOrg(single)).data;

await refused(packages.getPackageForOrganization({...ours, package_name: "none"}), 404, /^Package not found\.$/);
await refused(packages.getPackageForOrganization({...ours, org: "nobody-there"}), 404, /not found/i);
await refused(stranger.getPackageForOrganization(ours), 404, /^Package not found\.$/);
await refused(stranger.deletePackageForOrg(ours), 404, /^Package not found\.$/);
for (const package_version_id of [0, "99999999999999999999", "abc"])
	await refused(packages.getPackageVersionForOrganization({...ours, package_version_id}), 404, /not found/i);

const noScope = await refused(reader.deletePackageForOrg(ours), 403, /delete:packages/);
assert.match(noScope.response.headers["x-accepted-oauth-scopes"], /delete:packages/);
await refused(reader.restorePackageVersionForOrg({...ours, package_version_id: version.id}), 403, /write:packages/);
await refused(clientOf("nonsense").packages.listPackagesForAuthenticatedUser({package_type: "container"}), 401,
	/^Bad credentials$/);
await refused(clientOf(undefined).packages.getPackageForOrganization(ours), 401, /./);

const {errors} = (await refused(packages.listPackagesForOrganization({org: given.org}), 422,
	/^Validation Failed$/)).response.data;
assert.deepEqual(errors.map(one => [one.field, one.code]), [["package_type", "missing_field"]]);
await refused(packages.listPackagesForOrganization({org: given.org, package_type: "bogus"}), 422,
	/^Validation Failed$/);
await refused(packages.getAllPackageVersionsForPackageOwnedByOrg({...ours, state: "bogus"}), 422,
	/^Validation Failed$/);
await refused(packages.deletePackageVersionForOrg({...single, package_version_id: only.id}), 400,
	/^You cannot delete the last tagged version of a package\. You must delete the package instead\.$/);
