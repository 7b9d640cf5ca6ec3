// Becomes the program of the copied tests; it is no part of the solution.
using System.Collections;
using System.Diagnostics;
using System.Reflection;
using System.Text;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Mutations;

/// <summary>
/// Runs tests in this process: "classes" lists the classes; "cover CLASS" runs all cases of a class and prints of each its number, processor milliseconds
/// and the mutants that it reached; "run FILE" runs the cases of a plan (class, number, milliseconds) and exits with 3 at the first that fails, with 4
/// where one takes far longer than it should.
/// </summary>
internal static class Runner
{
    private static long _limit = long.MaxValue, _wall = long.MaxValue;

    private static int Main(string[] arguments)
    {
        Type[] classes = [.. typeof(Runner).Assembly.GetTypes().Where(t => !t.IsAbstract && Cases(t).Any()).OrderBy(t => t.FullName, StringComparer.Ordinal)];
        TextWriter output = Console.Out;
        Environment.CurrentDirectory = AppContext.BaseDirectory;
        Console.SetOut(TextWriter.Null);
        switch (arguments)
        {
            case ["classes"]:
                output.WriteLine(string.Join('\n', classes.Select(c => c.FullName)));
                return 0;
            case ["cover", var name]:
                Cover(classes.Single(c => c.FullName == name), output);
                return 0;
            default:
                return Run(classes, File.ReadAllLines(arguments[1]));
        }
    }

    private static void Cover(Type type, TextWriter output)
    {
        int number = 0;
        foreach (Action test in Tests(type))
        {
            Array.Clear(Engine.Mutant.Reached!);
            long start = Processor();
            string state = "passed";
            try
            {
                test();
            }
            catch
            {
                state = "failed";
            }

            IEnumerable<int> reached = Enumerable.Range(0, Engine.Mutant.Reached!.Length).Where(i => Engine.Mutant.Reached[i] != 0);
            output.WriteLine($"{number++}\t{state}\t{Processor() - start}\t{string.Join(' ', reached)}");
            output.Flush();
        }
    }

    private static int Run(Type[] classes, string[] plan)
    {
        new Thread(() =>
        {
            while (true)
            {
                Thread.Sleep(50);
                if (Processor() > Volatile.Read(ref _limit) || Environment.TickCount64 > Volatile.Read(ref _wall))
                {
                    Environment.Exit(4);
                }
            }
        }) { IsBackground = true }.Start();
        Dictionary<string, List<Action>> tests = [];
        foreach (string line in plan)
        {
            string[] parts = line.Split('\t');
            Volatile.Write(ref _limit, Processor() + 5000 + (10 * long.Parse(parts[2])));
            Volatile.Write(ref _wall, Environment.TickCount64 + 30_000 + (30 * long.Parse(parts[2])));
            try
            {
                if (!tests.TryGetValue(parts[0], out List<Action>? ofClass))
                {
                    tests.Add(parts[0], ofClass = [.. Tests(classes.Single(c => c.FullName == parts[0]))]);
                }

                ofClass[int.Parse(parts[1])]();
            }
            catch
            {
                Console.Error.WriteLine(line);
                Environment.Exit(3);
            }
        }

        return 0;
    }

    private static long Processor() => (long)Process.GetCurrentProcess().TotalProcessorTime.TotalMilliseconds;

    private static IEnumerable<MethodInfo> Cases(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)
        .Where(m => m.GetCustomAttribute<FactAttribute>(inherit: false) is { Skip: null }).OrderBy(m => m.Name, StringComparer.Ordinal);

    private static IEnumerable<Action> Tests(Type type)
    {
        DisposalTracker disposals = new();
        foreach (MethodInfo method in Cases(type))
        {
            IEnumerable<object?[]> rows = method.GetCustomAttribute<TheoryAttribute>() is null ? [[]]
                : method.GetCustomAttributes().OfType<IDataAttribute>().SelectMany(a => Rows(a, type, method, disposals));
            foreach (object?[] row in rows)
            {
                yield return () => Call(type, method, row);
            }
        }
    }

    private static IEnumerable<object?[]> Rows(IDataAttribute attribute, Type type, MethodInfo method, DisposalTracker disposals)
    {
        // Without it no member is found, and nothing is said.
        if (attribute is MemberDataAttribute member)
        {
            member.MemberType ??= type;
        }

        return attribute.GetData(method, disposals).AsTask().Result.Select(row => row.GetData());
    }

    private static void Call(Type type, MethodInfo method, object?[] row)
    {
        ParameterInfo[] parameters = method.GetParameters();
        object?[] values = [.. parameters.Select((p, i) => i < row.Length ? Fitted(row[i], p)
            : p.IsDefined(typeof(ParamArrayAttribute)) ? Array.CreateInstance(p.ParameterType.GetElementType()!, 0)
            : p.DefaultValue)];
        object? instance = method.IsStatic ? null : Activator.CreateInstance(type);
        try
        {
            if (method.Invoke(instance, values) is Task task)
            {
                task.GetAwaiter().GetResult();
            }
        }
        finally
        {
            (instance as IDisposable)?.Dispose();
        }

        // xunit fits rest arguments of a params parameter, and numbers of another type.
        object? Fitted(object? value, ParameterInfo p)
        {
            Type to = Nullable.GetUnderlyingType(p.ParameterType) ?? p.ParameterType;
            if (p.IsDefined(typeof(ParamArrayAttribute)) && value?.GetType() != to)
            {
                Array rest = Array.CreateInstance(to.GetElementType()!, row.Length - p.Position);
                for (int i = 0; i < rest.Length; i++)
                {
                    rest.SetValue(Convert.ChangeType(row[p.Position + i], to.GetElementType()!), i);
                }

                return rest;
            }

            return value is IConvertible && to.IsPrimitive && value.GetType() != to && !to.IsEnum ? Convert.ChangeType(value, to) : value;
        }
    }
}
