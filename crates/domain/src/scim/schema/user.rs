//! The schemas of users (RFC 7643 4.1 and 4.3, 8.7.1).

use super::{Attribute, Kind, Schema};

/// The schema of users (RFC 7643 4.1), with the attributes that are supported.
///
/// `password`, `roles`, `entitlements`, `ims` and `x509Certificates` are not: what is said of them is left out.
pub static USER_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "User account",
    attributes: &USER_ATTRIBUTES,
};

/// The enterprise extension of users (RFC 7643 4.3).
pub static ENTERPRISE_USER_SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "Enterprise user",
    attributes: &ENTERPRISE_ATTRIBUTES,
};

/// Attributes of RFC 7643 4.1 that are not supported.
pub(super) static UNSUPPORTED: [&str; 5] = ["password", "roles", "entitlements", "ims", "x509Certificates"];

static USER_ATTRIBUTES: [Attribute; 16] = [
    Attribute::text("userName", "Name with which the user signs in, unique without regard to letter case")
        .required()
        .unique(),
    Attribute::complex("name", &NAME, "The parts of the user's name"),
    Attribute::text("displayName", "The user's name, as it is shown"),
    Attribute::text("nickName", "How the user is called"),
    Attribute::reference("profileUrl", &["external"], "Address of a page about the user"),
    Attribute::text("title", "Position of the user, such as Vice President"),
    Attribute::text("userType", "Relation of the user to the organization, such as Contractor"),
    Attribute::text("preferredLanguage", "Language in which the user reads, as in the header Accept-Language"),
    Attribute::text("locale", "Region whose forms of numbers and dates the user reads, such as en-US"),
    Attribute::text("timezone", "Time zone of the user, such as America/Los_Angeles"),
    Attribute::new("active", Kind::Boolean, "Whether the user may sign in"),
    Attribute::complex(
        "emails",
        &EMAIL,
        "Mail addresses of the user. One is needed, unless userName is one; nobody else has the primary one, or else the first",
    )
    .list()
    .expected(),
    Attribute::complex("phoneNumbers", &PHONE_NUMBER, "Phone numbers of the user").list(),
    Attribute::complex("photos", &PHOTO, "Addresses of pictures of the user").list(),
    Attribute::complex("addresses", &ADDRESS, "Postal addresses of the user").list(),
    Attribute::complex("groups", &GROUPS, "Groups that the user is a member of. They are changed at the group")
        .list()
        .read_only(),
];

static NAME: [Attribute; 6] = [
    Attribute::text("formatted", "All of the name, as it is shown"),
    Attribute::text("familyName", "Last name"),
    Attribute::text("givenName", "First name"),
    Attribute::text("middleName", "Middle names"),
    Attribute::text("honorificPrefix", "Title before the name, such as Ms."),
    Attribute::text("honorificSuffix", "Suffix of the name, such as III"),
];

const DISPLAY: Attribute = Attribute::text("display", "How the value is shown");
const PRIMARY: Attribute =
    Attribute::new("primary", Kind::Boolean, "Whether it is the preferred value; true of one at most");
const TYPE: Attribute = Attribute::text("type", "What the value is for");

static EMAIL: [Attribute; 4] =
    [Attribute::text("value", "Mail address").expected(), DISPLAY, TYPE.usually(&["work", "home", "other"]), PRIMARY];

static PHONE_NUMBER: [Attribute; 4] = [
    Attribute::text("value", "Phone number"),
    DISPLAY,
    TYPE.usually(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];

static PHOTO: [Attribute; 4] = [
    Attribute::reference("value", &["external"], "Address of a picture"),
    DISPLAY,
    TYPE.usually(&["photo", "thumbnail"]),
    PRIMARY,
];

static ADDRESS: [Attribute; 8] = [
    Attribute::text("formatted", "All of the address, as it is written on a letter"),
    Attribute::text("streetAddress", "Street, house number and the like"),
    Attribute::text("locality", "City"),
    Attribute::text("region", "State or region"),
    Attribute::text("postalCode", "Postal code"),
    Attribute::text("country", "Country, as in ISO 3166-1 alpha-2"),
    TYPE.usually(&["work", "home", "other"]),
    PRIMARY,
];

static GROUPS: [Attribute; 4] = [
    Attribute::text("value", "Id of the group").exact().read_only(),
    Attribute::reference("$ref", &["Group"], "Address of the group").read_only(),
    Attribute::text("display", "Name of the group").read_only(),
    Attribute::text("type", "Whether the user is a member by itself").usually(&["direct"]).read_only(),
];

static ENTERPRISE_ATTRIBUTES: [Attribute; 6] = [
    Attribute::text("employeeNumber", "Number of the employee"),
    Attribute::text("costCenter", "Cost center"),
    Attribute::text("organization", "Organization"),
    Attribute::text("division", "Division"),
    Attribute::text("department", "Department"),
    Attribute::complex("manager", &MANAGER, "The user's manager"),
];

static MANAGER: [Attribute; 3] = [
    Attribute::text("value", "Id of the manager").exact(),
    Attribute::reference("$ref", &["User"], "Address of the manager"),
    Attribute::text("displayName", "Name of the manager").read_only(),
];
