import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.UserResource;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URI;
import org.glassfish.jersey.apache5.connector.Apache5ConnectorProvider;
import org.glassfish.jersey.client.ClientConfig;

/** What a directory does with people and groups. Arguments: the endpoint and its token. Ends with 1 at the first thing that is wrong. */
public class Scim {
  private static int checks;

  public static void main(String[] arguments) throws Exception {
    ClientConfig config = new ClientConfig().connectorProvider(new Apache5ConnectorProvider());
    Client client = ClientBuilder.newClient(config);
    client.register((ClientRequestFilter) request ->
        request.getHeaders().add("Authorization", "Bearer " + arguments[1]));
    ScimService scim = new ScimService(client.target(URI.create(arguments[0])));

    check("it tells that it knows PATCH", scim.getServiceProviderConfig().getPatch().isSupported());
    check("it has two kinds of resources", scim.getResourceTypes().getTotalResults() == 2);
    check("the schema of users is there",
        scim.getSchema("urn:ietf:params:scim:schemas:core:2.0:User").getName().equals("User"));

    UserResource ann = scim.create("Users", person("ann"));
    check("a new user has an id and a version", ann.getId() != null && ann.getMeta().getVersion() != null);
    try {
      scim.create("Users", person("ann"));
      check("a name is given once", false);
    } catch (ResourceConflictException taken) {
      check("a name is given once", taken.getScimError().getScimType().equals("uniqueness"));
    }
    UserResource bob = scim.create("Users", person("bob"));

    var found = scim.searchRequest("Users").filter(Filter.eq("userName", "ANN").toString()).invoke(UserResource.class);
    check("a filter finds one", found.getTotalResults() == 1
        && found.getResources().get(0).getId().equals(ann.getId()));
    var posted = scim.searchRequest("Users").filter("emails[value eq \"bob@company.example\"]")
        .invokePost(UserResource.class);
    check("so does a search by POST", posted.getTotalResults() == 1);
    var page = scim.searchRequest("Users").page(1, 1).invoke(UserResource.class);
    check("pages have a size", page.getResources().size() == 1 && page.getTotalResults() >= 2);
    var brief = scim.searchRequest("Users").attributes("userName").filter("userName eq \"bob\"")
        .invoke(UserResource.class);
    check("chosen attributes alone are shown", brief.getResources().get(0).getEmails() == null
        || brief.getResources().get(0).getEmails().isEmpty());

    ann.setDisplayName("Ann Other");
    ann = scim.replace(ann);
    check("PUT replaces", ann.getDisplayName().equals("Ann Other"));
    ann = scim.modifyRequest(ann).replaceValue("name.familyName", "Other").invoke();
    check("PATCH changes one value", ann.getName().getFamilyName().equals("Other"));

    GroupResource group = new GroupResource().setDisplayName("java-team");
    group.setMembers(new Member().setValue(ann.getId()));
    group = scim.create("Groups", group);
    group = scim.modifyRequest(group).addValues("members", new Member().setValue(bob.getId())).invoke();
    check("a group takes a member", scim.retrieve(group).getMembers().size() == 2);
    scim.modifyRequest(group).removeValues("members[value eq \"" + ann.getId() + "\"]").invoke();
    check("a member goes by a filter", scim.retrieve(group).getMembers().size() == 1);
    check("a user tells its groups", scim.retrieve(bob).getGroups().size() == 1);

    UserResource off = scim.modifyRequest(bob).replaceValue("active", false).invoke();
    check("who is switched off is not active", !off.getActive());
    scim.delete(group);
    scim.delete(ann);
    scim.delete(bob);
    try {
      scim.retrieve("Users", ann.getId(), UserResource.class);
      check("who is deleted is not found", false);
    } catch (ResourceNotFoundException gone) {
      check("who is deleted is not found", gone.getScimError().getStatus() == 404);
    }
    System.out.println(checks + " checks passed");
  }

  private static UserResource person(String name) {
    UserResource user = new UserResource().setUserName(name).setActive(true);
    user.setName(new Name().setGivenName(name).setFamilyName("Lee"));
    user.setEmails(new Email().setValue(name + "@company.example").setPrimary(true).setType("work"));
    return user;
  }

  private static void check(String what, boolean holds) {
    if (!holds) {
      System.err.println("wrong: " + what);
      System.exit(1);
    }
    checks++;
  }
}
