using System.Reflection;
using System.Reflection.Emit;

namespace Engine.Tests.Architecture;

/// <summary>Which namespaces of an assembly use which, as the compiler has written it down: in signatures, base types and the code of methods.</summary>
internal static class NamespaceUses
{
    private static readonly Dictionary<int, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (int)(ushort)code.Value);

    /// <summary>Pairs of namespaces, the user's first, with one type that makes the pair.</summary>
    public static IReadOnlyDictionary<(string User, string Used), string> Of(Assembly assembly)
    {
        Dictionary<(string, string), string> uses = [];
        foreach (Type type in assembly.GetTypes())
        {
            foreach (Type used in UsedBy(type).SelectMany(Parts).Where(t => t.Assembly == assembly))
            {
                if (used.Namespace is { } other && type.Namespace is { } own && other != own && IsOurs(own) && IsOurs(other))
                {
                    uses.TryAdd((own, other), $"{type.FullName} uses {used.FullName}");
                }
            }
        }

        return uses;
    }

    // The compiler adds types of its own, in namespaces of the framework's.
    private static bool IsOurs(string name) => name.StartsWith("Engine", StringComparison.Ordinal);

    private static IEnumerable<Type> UsedBy(Type type)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<Type?> signatures =
        [
            type.BaseType, .. type.GetInterfaces(), .. type.GetFields(all).Select(f => f.FieldType),
            .. type.GetMethods(all).Select(m => m.ReturnType), .. type.GetMethods(all).SelectMany(m => m.GetParameters()).Select(p => p.ParameterType),
            .. type.GetConstructors(all).SelectMany(c => c.GetParameters()).Select(p => p.ParameterType),
        ];
        IEnumerable<MethodBase> methods = [.. type.GetMethods(all), .. type.GetConstructors(all)];
        return [.. signatures.OfType<Type>(), .. methods.SelectMany(UsedByCode)];
    }

    private static IEnumerable<Type> UsedByCode(MethodBase method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        Type[]? typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        Type[]? methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (int i = 0; i < code.Length;)
        {
            int value = code[i] == 0xFE ? (0xFE << 8) | code[i + 1] : code[i];
            OpCode operation = Codes[value];
            i += operation.Size;
            if (operation.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
            {
                MemberInfo? member = method.Module.ResolveMember(BitConverter.ToInt32(code, i), typeArguments, methodArguments);
                IEnumerable<Type?> types = member is Type type
                    ? [type] : [member?.DeclaringType, (member as FieldInfo)?.FieldType, (member as MethodInfo)?.ReturnType];
                foreach (Type used in types.OfType<Type>())
                {
                    yield return used;
                }
            }

            i += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, i)),
                _ => 4,
            };
        }
    }

    // A type and all that it is made of: elements, arguments.
    private static IEnumerable<Type> Parts(Type type) => type.HasElementType
        ? Parts(type.GetElementType()!)
        : type.IsGenericParameter ? [] : [type, .. type.GetGenericArguments().SelectMany(Parts)];
}
