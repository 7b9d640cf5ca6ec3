// site check | prepare FOLDER | built FOLDER: the parts of eng/docs that docfx does not do. Run in the repository's root; 1 if something is wrong.
using Engine.Site;

string root = Directory.GetCurrentDirectory();
List<string> problems = [];
switch (args)
{
    case ["check"]:
        problems.AddRange(MarkdownLinks.Broken(root, MarkdownLinks.PagesOf(root)));
        break;
    case ["prepare", string folder]:
        problems.AddRange(new SitePages(root, folder, AppContext.BaseDirectory).Write());
        break;
    case ["built", string folder]:
        problems.AddRange(BuiltPages.Problems(folder, [root, Environment.MachineName, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)]));
        break;
    default:
        problems.Add("site check | prepare FOLDER | built FOLDER");
        break;
}

problems.ForEach(Console.Error.WriteLine);
return problems.Count == 0 ? 0 : 1;
