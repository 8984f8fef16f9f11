# The rule of the role engine, with permission lists of the subject already joined per level and indexed by type.
package doorward.rbac

default allow := false

allow if {
	scope_allows
	role_allows
}

allow if {
	scope_allows
	list_allows
}

scope_allows if {
	in_allow_list
	vote(data.subject.scope) == 1
}

in_allow_list if "*" in data.subject.scope.allow_list

in_allow_list if input.object.id in data.subject.scope.allow_list

covers(table) if table[input.object.type][input.action]

covers(table) if table[input.object.type]["*"]

covers(table) if table["*"][input.action]

covers(table) if table["*"]["*"]

vote(level) := -1 if {
	covers(level.deny)
} else := 1 if {
	covers(level.allow)
} else := 0

site := vote(data.subject.site)

organization := vote(data.subject.organizations[input.object.organization]) if {
	not input.object.any_organization
	data.subject.organizations[input.object.organization]
} else := 1 if {
	input.object.any_organization
	some level in data.subject.organizations
	vote(level) == 1
} else := 0

is_member if {
	input.object.organization != ""
	data.subject.organizations[input.object.organization]
}

is_member if {
	input.object.any_organization
	count(data.subject.organizations) > 0
}

in_organization if is_member

in_organization if {
	input.object.organization == ""
	not input.object.any_organization
}

user if {
	input.object.owner != ""
	input.object.owner == data.subject.id
	vote(data.subject.user) == 1
}

role_allows if site == 1

role_allows if {
	site == 0
	organization == 1
}

role_allows if {
	site == 0
	organization == 0
	in_organization
	user
}

grants(actions) if input.action in actions

grants(actions) if "*" in actions

list_allows if grants(input.object.user_list[data.subject.id])

list_allows if {
	is_member
	grants(input.object.group_list[input.object.organization])
}

list_allows if {
	is_member
	some group in data.subject.groups
	grants(input.object.group_list[group])
}
