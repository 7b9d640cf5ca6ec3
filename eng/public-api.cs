#!/usr/bin/env dotnet
#:property PublishAot=false

// What eng/public-api runs. The analyzer that guards the lists names in its log each member that they lack, in the form that they want: the lists are
// emptied, the libraries built once, and what the log names is written. Where the build fails, the lists are as they were.
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

const string Header = "#nullable enable";
const string Removed = "*REMOVED*";

string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, ".."));
bool ships = args is ["--ship"];
if (args.Length > 0 && !ships)
{
    Console.Error.WriteLine("usage: eng/public-api [--ship]");
    return 2;
}

// A library is what says nothing else: src/Directory.Build.props.
Dictionary<string, string> projects = Directory.GetFiles(Path.Combine(root, "src"), "*.csproj", SearchOption.AllDirectories)
    .Where(path => !File.ReadAllText(path).Contains("<ListsPublicApi>false<", StringComparison.Ordinal))
    .ToDictionary(path => Path.GetFileNameWithoutExtension(path), path => Path.GetDirectoryName(path)!);
Dictionary<string, string[]> before = [];
foreach (string list in projects.Values.SelectMany(folder => new[] { Shipped(folder), Unshipped(folder) }))
{
    before[list] = File.Exists(list) ? File.ReadAllLines(list) : [Header];
    File.WriteAllText(list, (list.EndsWith("Unshipped.txt", StringComparison.Ordinal) ? Header : string.Join('\n', before[list])) + "\n");
}

string logs = Directory.CreateTempSubdirectory("engine-public-api-").FullName;
bool isWritten = false;
try
{
    string log = Build(logs);
    Dictionary<string, (List<string> Missing, List<string> Gone)> found = [];
    foreach (string name in projects.Keys)
    {
        found[name] = Read(Path.Combine(logs, name + ".sarif"), log);
    }

    foreach ((string name, string folder) in projects)
    {
        (List<string> missing, List<string> gone) = found[name];
        string[] shipped = [.. before[Shipped(folder)].Where(line => line.Length > 0 && line != Header)];
        if (ships)
        {
            Write(Shipped(folder), shipped.Except(gone).Concat(missing));
            Write(Unshipped(folder), []);
        }
        else
        {
            Write(Unshipped(folder), missing.Concat(gone.Select(line => Removed + line)));
        }

        Console.WriteLine($"{name}: {shipped.Length} shipped, {missing.Count} not yet, {gone.Count} removed");
    }

    isWritten = true;
    return 0;
}
catch (InvalidOperationException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
finally
{
    Directory.Delete(logs, recursive: true);
    if (!isWritten)
    {
        foreach ((string list, string[] lines) in before)
        {
            File.WriteAllText(list, string.Join('\n', lines) + "\n");
        }
    }
}

string Build(string logs)
{
    using Process build = Process.Start(new ProcessStartInfo(
        "dotnet", ["build", Path.Combine(root, "src", "Packages.proj"), "-p:PublicApiLog=" + logs, "-nologo", "-v:quiet", "-clp:ErrorsOnly"])
    {
        RedirectStandardOutput = true,
    })!;
    string output = build.StandardOutput.ReadToEnd();
    build.WaitForExit();
    return build.ExitCode == 0 ? output : throw new InvalidOperationException("the libraries do not build; the lists are as they were:\n" + output);
}

static (List<string> Missing, List<string> Gone) Read(string path, string log)
{
    if (!File.Exists(path))
    {
        throw new InvalidOperationException($"the build wrote no {Path.GetFileName(path)}; the lists are as they were\n{log}");
    }

    using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path).AsMemory(BomLength(path)));
    List<string> missing = [], gone = [];
    foreach (JsonElement result in document.RootElement.GetProperty("runs")[0].GetProperty("results").EnumerateArray())
    {
        List<string>? members = result.GetProperty("ruleId").GetString() switch { "RS0016" => missing, "RS0017" => gone, _ => null };
        members?.Add(result.GetProperty("properties").GetProperty("customProperties").GetProperty("APIName").GetString()!);
    }

    return (missing, gone);
}

static int BomLength(string path)
{
    using FileStream file = File.OpenRead(path);
    return file.ReadByte() == 0xEF ? 3 : 0;
}

static void Write(string path, IEnumerable<string> members) =>
    File.WriteAllText(path, string.Join('\n', members.Distinct().Order(StringComparer.Ordinal).Prepend(Header)) + "\n");

static string Shipped(string folder) => Path.Combine(folder, "PublicAPI.Shipped.txt");
static string Unshipped(string folder) => Path.Combine(folder, "PublicAPI.Unshipped.txt");
static string Here([CallerFilePath] string path = "") => path;
